//! Texts: trimmed, bounded in characters, free of NUL; and the folded keys by which they are sorted and searched.

use std::fmt;

use poem_openapi::registry::MetaSchema;
use sea_orm::DeriveValueType;
use unicode_normalization::UnicodeNormalization;

use super::Json;
use super::wire::{FieldErrors, Wire, on_every_surface, openapi_schema};

/// Whether a text shows nothing: white space, and characters that have no glyph of their own, such as U+200B, U+FEFF and
/// the marks of text direction. NUL is not among them, since it is refused and not ignored.
fn shows_nothing(text: &str) -> bool {
    let invisible = |c: char| {
        matches!(c,
            '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
    };
    text.chars().all(|c| c.is_whitespace() || invisible(c))
}

/// A trimmed text of at most `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text<const MAX: usize>(String);

/// A name: at most 200 characters.
pub type Name = Text<200>;
/// A short term: at most 50.
pub type ShortText = Text<50>;
/// Another system's id of a record: at most 255.
pub type ExternalId = Text<255>;
/// Notes and descriptions: at most 10,000.
pub type Note = Text<10_000>;

impl<const MAX: usize> Text<MAX> {
    /// Its characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> Wire for Text<MAX> {
    const GRAPHQL: &'static str = "String";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <String as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        MetaSchema { max_length: Some(MAX), ..openapi_schema("string", "") }
    }

    fn is_blank(text: &str) -> bool {
        shows_nothing(text)
    }

    fn parse(json: Json) -> Result<Text<MAX>, FieldErrors> {
        let text = match json {
            Json::Text(text) => text,
            other => return Err(format!("must be a string, not {}", other.kind()).into()),
        };
        let trimmed = text.trim();
        if trimmed.contains('\0') {
            return Err("must not contain a NUL character".into());
        }
        let length = trimmed.chars().count();
        if length > MAX {
            return Err(format!("must have at most {MAX} characters, not {length}").into());
        }
        Ok(Text(if trimmed.len() == text.len() { text } else { trimmed.to_owned() }))
    }
}

on_every_surface!(Text<MAX> for const MAX: usize);

/// Up to 50 tags of up to 50 characters, in the order sent; one that is sent twice is there once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tags(Vec<ShortText>);

impl Tags {
    /// Tags of one record at most.
    const MAX: usize = 50;
}

impl From<Tags> for Vec<String> {
    fn from(tags: Tags) -> Vec<String> {
        tags.0.into_iter().map(String::from).collect()
    }
}

impl Wire for Tags {
    const GRAPHQL: &'static str = "String";
    const LIST: bool = true;

    fn graphql() -> String {
        Vec::<ShortText>::graphql()
    }

    fn describe(registry: &mut async_graphql::registry::Registry) {
        ShortText::describe(registry);
    }

    fn openapi() -> MetaSchema {
        let tag = MetaSchema { min_length: Some(1), ..ShortText::openapi() };
        let items = poem_openapi::registry::MetaSchemaRef::Inline(Box::new(tag));
        MetaSchema { items: Some(Box::new(items)), max_items: Some(Tags::MAX), ..openapi_schema("array", "") }
    }

    fn parse(json: Json) -> Result<Tags, FieldErrors> {
        let items = match json {
            Json::List(items) => items,
            other => return Err(format!("must be an array, not {}", other.kind()).into()),
        };
        if items.len() > Tags::MAX {
            return Err(format!("must have at most {} tags, not {}", Tags::MAX, items.len()).into());
        }
        let mut problems = FieldErrors::none();
        let mut tags = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            match ShortText::parse(item) {
                Ok(tag) if shows_nothing(tag.as_str()) => problems.add(format!("[{i}]"), "must not be empty"),
                Ok(tag) if tags.contains(&tag) => {}
                Ok(tag) => tags.push(tag),
                Err(inner) => problems.nest(&format!("[{i}]"), inner),
            }
        }
        if problems.is_empty() { Ok(Tags(tags)) } else { Err(problems) }
    }
}

/// A colour, `#rrggbb`, stored in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, DeriveValueType)]
pub struct Color(String);

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Wire for Color {
    const GRAPHQL: &'static str = "String";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <String as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        MetaSchema {
            pattern: Some("^#[0-9a-f]{6}$".into()),
            example: Some("#2f6f4f".into()),
            ..openapi_schema("string", "")
        }
    }

    fn openapi_in_body() -> MetaSchema {
        MetaSchema { pattern: Some("^(#[0-9a-fA-F]{6})?$".into()), ..Self::openapi() }
    }

    fn is_blank(text: &str) -> bool {
        text.trim().is_empty()
    }

    fn parse(json: Json) -> Result<Color, FieldErrors> {
        match json {
            Json::Text(text) => match text.trim().strip_prefix('#') {
                Some(hex) if hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    Ok(Color(text.trim().to_ascii_lowercase()))
                }
                _ => Err("must be a colour such as #2f6f4f".into()),
            },
            other => Err(format!("must be a colour in a string, not {}", other.kind()).into()),
        }
    }
}

on_every_surface!(Color);

/// The current codes of ISO 4217 that have a minor unit: currencies and funds, without metals, baskets and test codes.
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN \
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD \
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD \
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG \
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD \
    TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// A currency by its ISO 4217 code, in upper case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, DeriveValueType)]
pub struct Currency(String);

impl Currency {
    /// No currency (`XXX`), where there is no amount yet.
    pub fn none() -> Currency {
        Currency("XXX".into())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many decimals an amount to be paid in it has (ISO 4217, "minor unit").
    pub fn decimals(&self) -> u32 {
        match self.0.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Wire for Currency {
    const GRAPHQL: &'static str = "String";

    fn describe(registry: &mut async_graphql::registry::Registry) {
        <String as async_graphql::InputType>::create_type_info(registry);
    }

    fn openapi() -> MetaSchema {
        MetaSchema {
            title: Some("Currency\nCurrency of an amount, by its ISO 4217 code.".into()),
            enum_items: CURRENCIES.split_whitespace().map(Into::into).collect(),
            example: Some("USD".into()),
            ..openapi_schema("string", "")
        }
    }

    /// Either case is read, and an empty text stands for null. A pattern rather than a second closed list, so that a
    /// generated client has one type of currencies.
    fn openapi_in_body() -> MetaSchema {
        MetaSchema {
            pattern: Some("^([A-Za-z]{3})?$".into()),
            example: Some("USD".into()),
            ..openapi_schema("string", "")
        }
    }

    fn is_blank(text: &str) -> bool {
        text.trim().is_empty()
    }

    fn parse(json: Json) -> Result<Currency, FieldErrors> {
        let text = match json {
            Json::Text(text) => text.trim().to_ascii_uppercase(),
            other => return Err(format!("must be a currency code in a string, not {}", other.kind()).into()),
        };
        if CURRENCIES.split_whitespace().any(|code| code == text) {
            Ok(Currency(text))
        } else {
            Err("must be an ISO 4217 currency code such as USD".into())
        }
    }
}

on_every_surface!(Currency);

/// The key of a text for sorting and searching: Unicode case folding of the composed form, so that both databases
/// compare bytes and agree.
pub fn fold(text: &str) -> String {
    caseless::default_case_fold_str(&text.nfc().collect::<String>()).nfc().collect()
}

/// The key of an e-mail address: its composed form in lower case. Letters that `fold` takes for others stay what they are, since `ß` and
/// `ss` are two domains (RFC 5891).
pub fn email_key(address: &str) -> String {
    address.trim().nfc().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_same_in_upper_and_lower_case_alone() {
        assert_eq!(email_key(" Ada@Example.com"), "ada@example.com");
        assert_eq!(email_key("MÜLLER@x.de"), email_key("mu\u{308}ller@x.de"));
        for other in ["ceo@fa\u{df}.example", "ceo@fa\u{17f}s.example", "ceo@\u{fb01}ass.example"] {
            assert_ne!(email_key(other), email_key("ceo@fass.example"), "{other}");
        }
    }

    #[test]
    fn texts_are_trimmed_and_counted_in_characters() {
        let text = |s: &str| ShortText::parse(Json::Text(s.into()));
        assert_eq!(text("  a b\n").map(String::from), Ok("a b".into()));
        assert!(text(&"é".repeat(50)).is_ok());
        assert!(text(&"é".repeat(51)).is_err());
        assert!(text("a\0b").is_err());
        assert!(text("  ").is_ok_and(|blank| blank.as_str().is_empty()));
    }

    #[test]
    fn a_text_that_shows_nothing_is_blank() {
        for blank in
            ["", "  ", "\u{200b}", "\u{feff}", "\u{2060}\u{2060}", "\u{202e}", "\u{ad}", "\t\u{3164} ", "\u{2800}"]
        {
            assert!(Name::is_blank(blank), "{blank:?}");
        }
        for text in ["a\u{200b}", "\u{200d}é", "0", "\0", "👩\u{200d}💻"] {
            assert!(!Name::is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn folding_ignores_case_and_composition_but_not_accents() {
        assert_eq!(fold("STRASSE"), fold("Straße"));
        assert_eq!(fold("E\u{301}cole"), fold("école"));
        assert_ne!(fold("ecole"), fold("école"));
        assert_eq!(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
    }

    #[test]
    fn currencies_know_their_decimals() {
        let code = |s: &str| Currency::parse(Json::Text(s.into()));
        assert_eq!(code("usd").map(|c| c.decimals()), Ok(2));
        assert_eq!(code("JPY").map(|c| c.decimals()), Ok(0));
        assert_eq!(code("KWD").map(|c| c.decimals()), Ok(3));
        for (unit, decimals) in [("CLF", 4), ("UYW", 4), ("UYI", 0), ("CHE", 2), ("CHW", 2), ("VED", 2), ("COU", 2)] {
            assert_eq!(code(unit).map(|c| c.decimals()), Ok(decimals), "{unit}");
        }
        // No minor unit: gold, drawing rights, tests.
        for refused in ["XXX", "XAU", "XDR", "XTS", "HRK"] {
            assert!(code(refused).is_err(), "{refused}");
        }
        let codes: Vec<_> = CURRENCIES.split_whitespace().collect();
        assert!(codes.is_sorted(), "{codes:?}");
    }
}
