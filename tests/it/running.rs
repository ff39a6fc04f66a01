//! The program as tests run it: its commands, and a server that ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tests::program;

/// A command of the program, with this database.
pub(crate) fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("debug"));
    command.args(arguments).env_clear().env("HOURSMITH_DATABASE_URL", url).env("HOURSMITH_LOG", "info");
    command.env("HOURSMITH_SECRET_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").stdin(Stdio::null());
    command
}

/// What it gives.
pub(crate) fn run(url: &str, arguments: &[&str]) -> Output {
    command(url, arguments).output().unwrap()
}

/// What a command prints with `--json`.
pub(crate) fn json(url: &str, arguments: &[&str]) -> Value {
    let output = run(url, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The one line that a failing command prints.
pub(crate) fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<_> = reported.lines().filter(|line| line.starts_with("hoursmith: ")).collect();
    assert_eq!((lines.len(), reported.lines().count()), (1, 1), "{reported}");
    lines[0].to_owned()
}

/// A server that ends with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: String,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub(crate) fn start(url: &str, arguments: &[&str]) -> Running {
        Running::start_at(url, "127.0.0.1:0", arguments)
    }

    /// The same, with a file for its log.
    pub(crate) fn start_logged(url: &str, arguments: &[&str], log: &std::path::Path) -> Running {
        let log = std::fs::File::create(log).unwrap();
        Running::spawn(command(url, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat()), log.into())
    }

    pub(crate) fn start_at(url: &str, listen: &str, arguments: &[&str]) -> Running {
        Running::spawn(command(url, &[&["serve", "--listen", listen], arguments].concat()), Stdio::piped())
    }

    pub(crate) fn spawn(mut command: Command, log: Stdio) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").map(str::to_owned);
        let Some(address) = address else {
            let mut reported = String::new();
            child.stderr.take().unwrap().read_to_string(&mut reported).unwrap();
            panic!("did not listen: {line} {reported}");
        };
        Running { child, address, out }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it prints, up to the line with this word.
    pub(crate) fn read_until(&mut self, word: &str) -> String {
        let mut shown = String::new();
        while !shown.contains(word) {
            assert!(self.out.read_line(&mut shown).unwrap() > 0, "{shown}");
        }
        shown
    }

    /// The whole answer to a GET.
    pub(crate) fn get(&self, path: &str, token: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The body of the answer to a GET.
    pub(crate) fn read(&self, path: &str, token: &str) -> Value {
        let answer = self.get(path, token);
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }

    /// The body of the answer to a request with a body of JSON and a key of its own.
    pub(crate) fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> Value {
        let key = format!("{path} {body}").chars().filter(char::is_ascii_alphanumeric).take(200).collect::<String>();
        self.exchange(method, path, &format!("Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"), body)
    }

    /// The answer to a GraphQL request.
    pub(crate) fn graphql(&self, token: &str, body: &Value) -> Value {
        self.exchange("POST", "/graphql", &format!("Authorization: Bearer {token}\r\n"), body)
    }

    /// The answer of MCP to one message.
    pub(crate) fn mcp(&self, token: &str, method: &str, params: &Value) -> Value {
        let message = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let accept = "Accept: application/json, text/event-stream\r\n";
        self.exchange("POST", "/mcp", &format!("Authorization: Bearer {token}\r\n{accept}"), &message)
    }

    fn exchange(&self, method: &str, path: &str, headers: &str, body: &Value) -> Value {
        let (mut stream, body) = (TcpStream::connect(&self.address).unwrap(), body.to_string());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_else(|_| panic!("{answer}"))
    }

    /// Kills it, as the kernel does when there is no memory left.
    pub(crate) fn kill(self) {
        signal(&self.child, "KILL");
    }

    /// Sends SIGTERM and waits for the end: the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        signal(&self.child, "TERM");
        self.child.wait().unwrap().code()
    }

    /// Sends SIGTERM and waits for the end: the exit code and the standard error.
    pub(crate) fn terminate(mut self) -> (Option<i32>, String) {
        signal(&self.child, "TERM");
        let status = self.child.wait().unwrap();
        let mut reported = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut reported).unwrap();
        (status.code(), reported)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}
