//! Where settings come from: flags, then the environment, then the file that `HOURSMITH_CONFIG` names. What is misspelt is
//! refused with the nearest name, since a setting that silently does nothing is worse than none.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::Command;

use super::Failure;

/// The setting that names the file; it cannot stand in the file itself.
const FILE: &str = "HOURSMITH_CONFIG";
/// Settings of the tests, which start this program with their own environment.
const OF_TESTS: &str = "HOURSMITH_TEST_";
/// The name of a setting that is never there: those that are refused include it.
const NOWHERE: &str = "HOURSMITH_NOWHERE";
/// Other settings that some part of the program reads by itself.
const OTHERS: [&str; 2] = ["HOURSMITH_FAULTS", "HOURSMITH_ABUSE"];

/// The arguments of the process, with the settings of the file added where neither a flag nor the environment gives them.
///
/// # Errors
/// One line for a file that cannot be read, and for a setting that does not exist.
pub(super) fn arguments(command: &Command) -> Result<Vec<OsString>, Failure> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let known = known_settings(command);
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("HOURSMITH_")) else { continue };
        let expected = known.contains_key(name) || name == FILE || name.starts_with(OF_TESTS);
        if !expected && !OTHERS.iter().any(|other| name.starts_with(other)) {
            return Err(unknown(name, known.keys().map(String::as_str), "the environment"));
        }
    }
    let Some(path) = std::env::var_os(FILE).filter(|path| !path.is_empty()) else { return Ok(arguments) };
    let shown = path.to_string_lossy().into_owned();
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{FILE}: cannot read {shown}: {e}"))?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let why = e.message().replace('\n', " ");
        let at = e.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let at = at.map(|line| format!(" (line {line})")).unwrap_or_default();
        format!("{FILE}: {shown} is not TOML{at}: {why}; a text stands in quotes")
    })?;
    let chosen = chosen(command, &arguments);
    for (key, value) in table {
        if value.is_table() {
            return Err(format!("{FILE}: {shown} has a section [{key}]; settings stand without sections").into());
        }
        let name = format!("HOURSMITH_{}", key.to_ascii_uppercase());
        let Some(long) = known.get(&name) else {
            return Err(unknown(&key, known.keys().map(|name| name.trim_start_matches("HOURSMITH_")), &shown));
        };
        let value =
            text_of(&value).ok_or_else(|| format!("{FILE}: {key} must be a text, a number or a list of texts"))?;
        let in_environment = std::env::var_os(&name).is_some_and(|value| !value.is_empty());
        let given = in_environment || has_flag(&arguments, long);
        if !given && takes(chosen, command, long) {
            arguments.push(format!("--{long}={value}").into());
        }
    }
    Ok(arguments)
}

/// The commands that open no database; their help lists no settings of one.
const WITHOUT_DATABASE: [&str; 9] =
    ["webhook", "mcp", "openapi", "sdl", "health", "completions", "man", "errors", "permissions"];
/// The settings of every command that say how the database is opened.
const OF_DATABASE: [&str; 4] = ["database_url", "database_direct_url", "database_connections", "env"];

/// The commands, of which those that open no database do not list its settings in their help.
pub(super) fn hiding_database(all: Command) -> Command {
    let of_database = all.get_arguments().filter(|own| OF_DATABASE.contains(&own.get_id().as_str()));
    let hidden: Vec<_> = of_database.map(|own| own.clone().hide(true)).collect();
    WITHOUT_DATABASE.iter().fold(all, |all, name| all.mut_subcommand(name, |command| hiding(command, &hidden)))
}

/// A command, and those below it, with these settings hidden.
fn hiding(command: Command, hidden: &[clap::Arg]) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let command = command.args(hidden);
    below.into_iter().fold(command, |command, name| command.mut_subcommand(name, |inner| hiding(inner, hidden)))
}

/// The settings that may not be empty: without a URL another database would be served.
const NEVER_EMPTY: [&str; 1] = ["HOURSMITH_DATABASE_URL"];

/// The commands without the settings that the environment holds empty: that is how a variable that is not set arrives through
/// a compose file or a unit.
pub(super) fn without_empty(command: Command) -> Command {
    let is_empty = |name: &OsStr| {
        let may_be = !NEVER_EMPTY.iter().any(|own| name == OsStr::new(own));
        may_be && std::env::var_os(name).is_some_and(|value| value.is_empty())
    };
    let command = command.mut_args(|argument| {
        let empty = argument.get_env().is_some_and(is_empty);
        if empty { argument.env(NOWHERE) } else { argument }
    });
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, without_empty))
}

/// Every setting of every command: its name in the environment, and its flag.
fn known_settings(command: &Command) -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    collect(command, &mut known);
    known
}

fn collect(command: &Command, known: &mut BTreeMap<String, String>) {
    for argument in command.get_arguments() {
        if let (Some(name), Some(long)) = (argument.get_env(), argument.get_long()) {
            known.insert(name.to_string_lossy().into_owned(), long.to_owned());
        }
    }
    command.get_subcommands().for_each(|inner| collect(inner, known));
}

/// The command that the arguments choose, as deep as they go.
fn chosen<'a>(command: &'a Command, arguments: &[OsString]) -> &'a Command {
    let mut at = command;
    for argument in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        if let Some(inner) = at.find_subcommand(argument) {
            at = inner;
        }
    }
    at
}

fn takes(chosen: &Command, root: &Command, long: &str) -> bool {
    let has = |command: &Command| command.get_arguments().any(|argument| argument.get_long() == Some(long));
    // Settings of the root are global.
    has(chosen) || has(root)
}

fn has_flag(arguments: &[OsString], long: &str) -> bool {
    let (flag, with_value) = (format!("--{long}"), format!("--{long}="));
    arguments
        .iter()
        .filter_map(|argument| argument.to_str())
        .any(|argument| argument == flag || argument.starts_with(&with_value))
}

/// A value as an argument: a list is joined by commas, `true` and `false` are `on` and `off`.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(if *flag { "on" } else { "off" }.to_owned()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(text_of).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// How many letters a name may differ in from the one that was meant.
const NEAR: usize = 2;

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>, place: &str) -> Failure {
    let wanted = name.to_ascii_lowercase();
    let distance = |own: &str| strsim::damerau_levenshtein(&own.to_ascii_lowercase(), &wanted);
    let near = known.map(|own| (distance(own), own)).filter(|(distance, _)| *distance <= NEAR);
    let nearest = near.min().map(|(_, own)| own);
    let nearest =
        nearest.map(|own| if name.starts_with("HOURSMITH_") { own.to_owned() } else { own.to_ascii_lowercase() });
    let hint = nearest.map(|own| format!("; did you mean {own}?")).unwrap_or_default();
    Failure(format!("there is no setting {name} (in {place}){hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_seen_in_both_forms() {
        let arguments = ["hoursmith", "serve", "--listen=1", "--env", "test"].map(OsString::from);
        assert!(has_flag(&arguments, "listen") && has_flag(&arguments, "env") && !has_flag(&arguments, "list"));
    }

    #[test]
    fn values_become_arguments() {
        let table: toml::Table = "a = 7\nb = [\"x\", \"y\"]\nc = false\nd = \"t\"\ne = 1.5".parse().expect("TOML");
        let text = |key: &str| text_of(&table[key]);
        assert_eq!((text("a"), text("b")), (Some("7".into()), Some("x,y".into())));
        assert_eq!((text("c"), text("d"), text("e")), (Some("off".into()), Some("t".into()), None));
    }

    #[test]
    fn the_nearest_name_is_proposed() {
        let Failure(line) =
            unknown("HOURSMITH_LISTN", ["HOURSMITH_LISTEN", "HOURSMITH_ENV"].into_iter(), "the environment");
        assert!(line.ends_with("did you mean HOURSMITH_LISTEN?"), "{line}");
        let Failure(line) =
            unknown("HOURSMITH_NOPE", ["HOURSMITH_LISTEN", "HOURSMITH_LOG"].into_iter(), "the environment");
        assert_eq!(line, "there is no setting HOURSMITH_NOPE (in the environment)");
    }
}
