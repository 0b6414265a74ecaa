//! Reports in a real browser: pages that the program makes of shipped scenarios are opened, read, hovered over, turned
//! dark, made narrow and saved from. Pictures of them are kept under `target/browser/`.
//!
//! `CHROME` names the browser, else it is looked for, else Debian's is installed where we may; with
//! `P2PFL_SIM_REQUIRE_BROWSER=1` there has to be one.

mod chrome;
mod page;
mod perfetto;
#[path = "../python/mod.rs"]
mod python;

use chrome::Chrome;
use page::Page;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

#[test]
fn the_report_of_a_ring_on_the_virtual_clock() {
    examine(
        "ring",
        &["scenarios/ring-100-virtual.json"],
        &["accuracy", "consensus", "spectrum-stages", "stages", "network"],
    );
}

#[test]
fn the_report_of_a_network_that_changes() {
    let run = ["scenarios/churn-100.json", "--clock", "virtual"];
    let examined = examine("churn", &run, &["loss", "by-stage", "messages-per-second", "stages"]);
    let Some((page, _chrome, _folder)) = examined else { return };
    // What the script did is told, and who crashed stands out.
    let text = page.value("document.querySelector('#timeline').innerText");
    for word in ["partition", "healed", "crashed", "came back", "joined"] {
        assert!(text.as_str().unwrap().contains(word), "{word}");
    }
}

#[test]
fn the_report_of_gossip_on_uneven_lines() {
    let run = ["scenarios/dpsgd-100k.json", "--nodes", "2500", "--rounds", "6"];
    let examined = examine("dpsgd", &run, &["spectrum-messages", "by-stage", "latency-over-time", "network"]);
    let Some((page, _chrome, _folder)) = examined else { return };
    let topology = page.value("document.querySelector('#topology').innerText");
    assert!(
        topology.as_str().unwrap().contains("Of 2,500 nodes the 2,000 nearest"),
        "it says that it sampled: {topology}"
    );
    let nodes = page.value("document.querySelectorAll('#nodes tbody tr').length");
    assert_eq!(nodes, 2_000);
}

#[test]
fn several_runs_side_by_side() {
    let Some(chrome) = chrome::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let runs = ["1", "2", "3"].map(|seed| {
        let path = folder.path().join(format!("seed-{seed}"));
        ran(&["scenarios/ring-100-virtual.json", "--nodes", "20", "--rounds", "2", "--seed", seed], &path);
        path
    });
    let out = folder.path().join("three.html");
    let arguments =
        runs.iter().map(|it| it.display().to_string()).chain(["--out".into(), out.display().to_string()]);
    program(&["report".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>());
    let page = Page::open(&chrome, &out);
    sound(&page);
    for run in &runs {
        has_the_numbers(&page, run, &["/messages/total/sent", "/ended_s", "/final/loss/mean"]);
    }
    let said = page.hovered("message");
    for run in ["seed-1", "seed-2", "seed-3"] {
        assert!(said.contains(run), "each run is told at once: {said}");
    }
    page.keep("side-by-side-light", 1280, false);
    page.keep("side-by-side-phone", 375, true);
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

#[test]
fn transports_side_by_side() {
    let Some(chrome) = chrome::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("compare");
    let path = out.display().to_string();
    program(
        &[
            "compare",
            "scenarios/ring-100.json",
            "--transport",
            "memory,grpc,grpc+tls",
            "--nodes",
            "12",
            "--rounds",
            "1",
        ]
        .into_iter()
        .chain([
            "--speedup",
            "20",
            "--repeat",
            "1",
            "--set",
            "thresholds=[]",
            "--quiet",
            "--force",
            "--out",
            &path,
        ])
        .map(str::to_owned)
        .collect::<Vec<_>>(),
    );
    let file = out.join("report.html");
    let page = Page::open(&chrome, &file);
    sound(&page);
    let compare = std::fs::read_to_string(out.join("compare.json")).unwrap();
    let compare: Value = serde_json::from_str(&compare).unwrap();
    let pointers = ["/costs/transports/1/small/0/cpu_s_per_message", "/costs/transports/2/connection/bytes"];
    for pointer in pointers.into_iter().chain(["/rows/1/ended_s/median"]) {
        let number = compare.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
        let found = page.value(&format!("document.querySelector('data[value=\"{number}\"]') !== null"));
        assert_eq!(found, true, "{pointer}, {number}, is in the page");
    }
    for chart in ["cpu", "wire-parts", "multiplexing", "opening", "memory"] {
        let said = page.hovered(chart);
        assert!(said.contains("grpc") && said.chars().any(|it| it.is_ascii_digit()), "{chart}: {said}");
    }
    page.keep("compare-light", 1280, false);
    turns_dark(&page, &file);
    page.keep("compare-dark", 1280, false);
    page.keep("compare-phone", 375, true);
    let wide = page.value("document.documentElement.scrollWidth").as_u64().unwrap();
    assert!(wide <= 375, "a phone does not have to scroll sideways: {wide}");
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

/// Runs a scenario, opens its report, and looks at all that every report has to have. What is returned stays open.
fn examine(name: &str, run: &[&str], hovered: &[&str]) -> Option<(Page, Chrome, tempfile::TempDir)> {
    let chrome = chrome::start()?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    ran(run, &path);
    program(&["report".to_owned(), path.display().to_string()]);
    let file = path.join("report.html");
    assert!(std::fs::metadata(&file).unwrap().len() < 3_000_000, "a report is under 3 MB");
    let page = Page::open(&chrome, &file);
    sound(&page);
    let figures = [
        "/messages/total/sent",
        "/messages/total/wire_bytes",
        "/latency/round/p99",
        "/latency/message/p50",
        "/ended_s",
    ];
    has_the_numbers(&page, &path, &figures);
    for chart in hovered {
        let said = page.hovered(chart);
        assert!(said.chars().any(|it| it.is_ascii_digit()), "{chart}: {said}");
    }
    page.keep(&format!("{name}-light"), 1280, false);
    turns_dark(&page, &file);
    page.keep(&format!("{name}-dark"), 1280, false);
    page.keep(&format!("{name}-phone"), 375, true);
    let wide = page.value("document.documentElement.scrollWidth").as_u64().unwrap();
    assert!(wide <= 375, "a phone does not have to scroll sideways: {wide}");
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
    Some((page, chrome, folder))
}

/// Every chart can be read by who does not see it and saved by who does, and nothing is asked of a network.
fn sound(page: &Page) {
    page.value("report.all() || true");
    let charts = page.charts();
    assert!(charts.len() > 3, "{charts:?}");
    for chart in &charts {
        let figure = format!("document.getElementById({})", Value::from(chart.as_str()));
        let label = page.value(&format!("{figure}.querySelector('[role=img]').getAttribute('aria-label')"));
        assert!(
            label.as_str().unwrap().chars().any(|it| it.is_ascii_digit()),
            "{chart} is told in words: {label}"
        );
        let rows = page.value(&format!("{figure}.querySelectorAll('table tbody tr').length"));
        assert!(rows.as_u64().unwrap() > 0, "{chart} has a table");
        let drawn = page.value(&format!("{figure}.querySelectorAll('.plot svg, .plot canvas').length"));
        assert!(drawn.as_u64().unwrap() > 0, "{chart} is drawn");
        let saved = page.value(&format!("report.svg({})", Value::from(chart.as_str())));
        well_formed(chart, saved.as_str().unwrap());
    }
    let clicked = page.value(
        "new Promise(done => { const make = URL.createObjectURL; URL.createObjectURL = blob => { URL.createObjectURL = make; \
         blob.text().then(done); return make(blob); }; document.querySelector('.save').click(); })",
    );
    well_formed("what is saved by a click", clicked.as_str().unwrap());
    assert_eq!(page.value("performance.getEntriesByType('resource').length"), 0);
}

fn well_formed(name: &str, svg: &str) {
    let mut reader = quick_xml::Reader::from_str(svg);
    reader.config_mut().check_end_names = true;
    let (mut depth, mut shapes) = (0, 0);
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{name}: {error}: {svg:.300}")) {
            quick_xml::events::Event::Start(tag) => {
                assert!(depth > 0 || tag.name().as_ref() == "svg", "{name}");
                depth += 1;
                shapes += 1;
            }
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{name} ends where it should");
    assert!(shapes > 10, "{name} shows something: {shapes} elements");
    assert!(svg.contains("<title>") && !svg.contains("<script"), "{name}");
}

/// The numbers of `result.json` are in the page as they are.
fn has_the_numbers(page: &Page, run: &Path, pointers: &[&str]) {
    let result = std::fs::read_to_string(run.join("result.json")).unwrap();
    let result: Value = serde_json::from_str(&result).unwrap();
    for pointer in pointers {
        let number = result.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
        assert!(number.is_number(), "{pointer}: {number}");
        let found = page.value(&format!("document.querySelector('data[value=\"{number}\"]') !== null"));
        assert_eq!(found, true, "{pointer}, {number}, is in the page");
    }
}

/// The page follows the system, and then the button, which it remembers.
fn turns_dark(page: &Page, file: &Path) {
    let ground =
        || page.value("getComputedStyle(document.body).backgroundColor").as_str().unwrap().to_owned();
    page.prefer("light");
    let light = ground();
    page.prefer("dark");
    let dark = ground();
    assert_ne!(light, dark);
    page.value("document.getElementById('theme').click() || true");
    assert_eq!(ground(), light, "the button has the last word");
    page.value("document.getElementById('theme').click() || true");
    assert_eq!(ground(), dark);
    page.prefer("light");
    page.go(file);
    assert_eq!(ground(), dark, "what was chosen is kept");
    page.value("report.all() || true");
}

/// Runs a scenario into a folder; a threshold that does not hold is no matter here.
fn ran(run: &[&str], out: &Path) {
    let out = out.display().to_string();
    let arguments = [&["run"], run, &["--quiet", "--force", "--out", &out]].concat();
    let output = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"))
        .args(&arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{arguments:?}: {told}");
}

fn program(arguments: &[String]) {
    let output = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
