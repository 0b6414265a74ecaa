//! A report in a browser: what is in it, what it complains of, what a mouse finds, how it looks.

use headless_chrome::Tab;
use headless_chrome::browser::tab::point::Point;
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Emulation, Page as Cdp};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A page that is open.
pub struct Page {
    tab: Arc<Tab>,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Page {
    /// Opens a file, and waits until its script has run.
    pub fn open(chrome: &crate::chrome::Chrome, file: &Path) -> Self {
        let tab = chrome.browser.new_tab().unwrap();
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&complaints);
        tab.enable_log().unwrap();
        tab.enable_runtime().unwrap();
        tab.add_event_listener(Arc::new(move |event: &Event| {
            let complaint = match event {
                Event::LogEntryAdded(it) => format!("{:?}: {}", it.params.entry.level, it.params.entry.text),
                Event::RuntimeExceptionThrown(it) => format!("{:?}", it.params.exception_details),
                Event::RuntimeConsoleAPICalled(it) => format!("{:?}", it.params),
                _ => return,
            };
            heard.lock().unwrap().push(complaint);
        }))
        .unwrap();
        let page = Self { tab, complaints };
        page.go(file);
        page
    }

    /// Opens a file in this tab.
    pub fn go(&self, file: &Path) {
        self.tab.navigate_to(&format!("file://{}", file.display())).unwrap();
        self.tab.wait_until_navigated().unwrap();
        self.until("document.documentElement.dataset.ready === 'yes'", "the script has not run to its end");
    }

    /// The value of an expression.
    pub fn value(&self, expression: &str) -> Value {
        let wrapped = format!("(async () => JSON.stringify(await ({expression})))()");
        let found = self.tab.evaluate(&wrapped, true).unwrap();
        match found.value {
            Some(Value::String(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{expression}: {other:?} {:?}", found.description),
        }
    }

    /// Waits until an expression is true.
    pub fn until(&self, expression: &str, else_what: &str) {
        for _ in 0..200 {
            if self.value(expression) == Value::Bool(true) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{else_what}: {}", self.complaints().join("\n"));
    }

    /// What the browser complained of so far.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap().clone()
    }

    /// The names of the charts.
    pub fn charts(&self) -> Vec<String> {
        serde_json::from_value(self.value("report.ids")).unwrap()
    }

    /// Moves the mouse onto something in a chart, and returns what the page says of it.
    pub fn hovered(&self, chart: &str) -> String {
        let spot = format!("report.spot({})", Value::from(chart));
        let spot = self.value(&spot);
        let at = |name: &str| spot[name].as_f64().unwrap();
        let tip = format!(
            "[...document.querySelectorAll('[data-chart={}] .tip')].filter(it => it.checkVisibility({{opacityProperty: true, \
             visibilityProperty: true}})).map(it => it.innerText).join('')",
            Value::from(chart)
        );
        for i in 0..40 {
            // A mouse that does not move tells the page nothing.
            let aside = f64::from(i % 2);
            self.tab.move_mouse_to_point(Point { x: at("x") + aside, y: at("y") }).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            let said = self.value(&tip);
            if said != "" {
                return said.as_str().unwrap().to_owned();
            }
        }
        panic!("{chart} says nothing at {spot}: {}", self.complaints().join("\n"));
    }

    /// Makes the window so wide and high; `phone` as phones have it.
    pub fn resize(&self, width: u32, height: u32, phone: bool) {
        self.tab
            .call_method(Emulation::SetDeviceMetricsOverride {
                width,
                height,
                device_scale_factor: if phone { 2.0 } else { 1.0 },
                mobile: phone,
                scale: None,
                screen_width: None,
                screen_height: None,
                position_x: None,
                position_y: None,
                dont_set_visible_size: None,
                screen_orientation: None,
                viewport: None,
                display_feature: None,
                device_posture: None,
            })
            .unwrap();
    }

    /// What the system prefers: `light` or `dark`.
    pub fn prefer(&self, scheme: &str) {
        let name = "prefers-color-scheme".to_owned();
        let feature = Emulation::MediaFeature { name, value: scheme.to_owned() };
        let media = Emulation::SetEmulatedMedia { media: None, features: Some(vec![feature]) };
        self.tab.call_method(media).unwrap();
    }

    /// A picture of the whole page, with all its charts.
    pub fn keep(&self, name: &str, width: u32, phone: bool) {
        self.resize(width, 900, phone);
        self.value("report.all() || true");
        let height = self.value("document.documentElement.scrollHeight").as_u64().unwrap();
        self.resize(width, u32::try_from(height.min(12_000)).unwrap(), phone);
        self.value(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))",
        );
        let png = Cdp::CaptureScreenshotFormatOption::Png;
        let picture = self.tab.capture_screenshot(png, None, None, true).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
        self.resize(width, 900, phone);
    }
}
