//! Chromium, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>): the few commands that a login needs.
//! Elements are found as a person with a screen reader would: by role and accessible name.

use std::env;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Running;

/// The key that moves on to the next field.
pub const TAB: char = '\u{e004}';

/// The key that submits a form.
pub const ENTER: char = '\u{e007}';

/// What the element reference is called in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The size of the page's area in pixels, whatever the window's frame takes.
const SIZE: (u32, u32) = (800, 600);

/// How long an element may take to appear.
const PATIENCE: Duration = Duration::from_secs(20);

const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--force-device-scale-factor=1",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--lang=en",
];

/// A browser with one window, closed when this value is dropped.
#[derive(Debug)]
pub struct Browser {
    agent: ureq::Agent,
    session: String,
    // In this order: the driver is ended before its profile is removed.
    _driver: Running,
    _profile: TempDir,
}

/// What the person told the system to look like.
#[derive(Clone, Copy, Debug)]
pub enum ColorScheme {
    /// Dark letters on a light ground.
    Light,
    /// The reverse.
    Dark,
}

/// A part of a page.
#[derive(Debug)]
pub struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

impl Browser {
    /// Starts it with a fresh profile.
    pub fn start() -> Browser {
        Browser::with_preferences(json!({}))
    }

    /// Starts it with the page's own scripts turned off.
    pub fn without_javascript() -> Browser {
        Browser::with_preferences(
            json!({ "profile.managed_default_content_settings.javascript": 2 }),
        )
    }

    fn with_preferences(preferences: Value) -> Browser {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let path = env::var("LATCHKEY_CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut driver = Running::start(
            Command::new(path)
                .arg("--port=0")
                .env("HOME", profile.path()),
        );
        let port = loop {
            let line = driver.line();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };

        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        let agent = config.new_agent();
        let base = format!("http://127.0.0.1:{port}/session");
        let options = json!({
            "binary": env::var("LATCHKEY_CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned()),
            "args": ARGUMENTS.iter().map(|&argument| argument.to_owned())
                .chain([
                    format!("--window-size={},{}", SIZE.0, SIZE.1),
                    format!("--user-data-dir={}", profile.path().join("profile").display()),
                ])
                .collect::<Vec<_>>(),
            "prefs": preferences,
        });
        let capabilities = json!({
            "timeouts": { "implicit": PATIENCE.as_millis() as u64 },
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let new = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let value = exchange(agent.post(&base).send_json(new));
        let session = format!("{base}/{}", value["sessionId"].as_str().expect("a session"));
        let browser = Browser {
            agent,
            session,
            _driver: driver,
            _profile: profile,
        };
        let metrics =
            json!({ "width": SIZE.0, "height": SIZE.1, "deviceScaleFactor": 1, "mobile": false });
        browser.devtools("Emulation.setDeviceMetricsOverride", metrics);
        browser
    }

    /// Opens `url` and waits until its page is loaded.
    pub fn open(&self, url: &str) {
        self.post("url", json!({ "url": url }));
    }

    /// The address of the page that is shown.
    pub fn url(&self) -> String {
        text(self.get("url"))
    }

    /// The title of the page that is shown.
    pub fn title(&self) -> String {
        text(self.get("title"))
    }

    /// The first element that fits a CSS selector, as soon as there is one.
    pub fn find(&self, selector: &str) -> Element<'_> {
        let found = self.post(
            "element",
            json!({ "using": "css selector", "value": selector }),
        );
        self.element(&found)
    }

    /// The first element of this kind with exactly this text, as soon as there is one.
    pub fn find_text(&self, tag: &str, text: &str) -> Element<'_> {
        let path = format!("//{tag}[normalize-space() = \"{text}\"]");
        self.element(&self.post("element", json!({ "using": "xpath", "value": path })))
    }

    /// The one element that fits `selector` and has this accessible name, on a page that is there already.
    pub fn named(&self, selector: &str, name: &str) -> Element<'_> {
        let found = self.post(
            "elements",
            json!({ "using": "css selector", "value": selector }),
        );
        let found = found
            .as_array()
            .expect("a list")
            .iter()
            .map(|found| self.element(found));
        let (mut fits, others): (Vec<_>, Vec<_>) =
            found.partition(|element| element.name() == name);
        let others: Vec<_> = others.iter().map(Element::name).collect();
        assert_eq!(
            fits.len(),
            1,
            "{selector} named {name:?} at {}; others: {others:?}",
            self.url()
        );
        fits.remove(0)
    }

    /// The element that takes what is typed.
    pub fn focused(&self) -> Element<'_> {
        self.element(&self.get("element/active"))
    }

    /// Has pages painted in this scheme.
    pub fn prefer(&self, scheme: ColorScheme) {
        let value = match scheme {
            ColorScheme::Light => "light",
            ColorScheme::Dark => "dark",
        };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
    }

    /// What a script returns. WebDriver's scripts run even where the page's may not.
    pub fn evaluate(&self, script: &str) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": [] }))
    }

    /// What the browser has complained about since it was last asked: policies, styles, scripts, resources.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.post("se/log", json!({ "type": "browser" }));
        let messages = entries.as_array().expect("a list").iter();
        let messages = messages.map(|entry| text(entry["message"].clone()));
        // Every browser asks for an icon, and neither server has one.
        messages
            .filter(|message| !message.contains("/favicon.ico"))
            .collect()
    }

    /// A picture of the page, in PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        STANDARD
            .decode(text(self.get("screenshot")))
            .expect("base64")
    }

    /// A command of Chromium's own protocol, for what WebDriver cannot say.
    fn devtools(&self, command: &str, parameters: Value) {
        self.post(
            "goog/cdp/execute",
            json!({ "cmd": command, "params": parameters }),
        );
    }

    fn element(&self, reference: &Value) -> Element<'_> {
        Element {
            browser: self,
            id: reference[ELEMENT].as_str().expect("an element").to_owned(),
        }
    }

    fn get(&self, path: &str) -> Value {
        exchange(self.agent.get(format!("{}/{path}", self.session)).call())
    }

    fn post(&self, path: &str, body: Value) -> Value {
        exchange(
            self.agent
                .post(format!("{}/{path}", self.session))
                .send_json(body),
        )
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closes the window; chromedriver itself is ended by its handle afterwards, whatever came of this.
        let _ = self.agent.delete(&self.session).call();
    }
}

impl Element<'_> {
    /// The accessible name, as a screen reader says it.
    pub fn name(&self) -> String {
        text(self.get("computedlabel"))
    }

    /// The role, as a screen reader says it.
    pub fn role(&self) -> String {
        text(self.get("computedrole"))
    }

    /// The text as it is rendered.
    pub fn text(&self) -> String {
        text(self.get("text"))
    }

    /// Types into it.
    pub fn type_in(&self, keys: &str) {
        self.post("value", json!({ "text": keys }));
    }

    /// Clicks on it. A page that the click leads to is loaded before the next command is carried out.
    pub fn click(&self) {
        self.post("click", json!({}));
    }

    fn get(&self, what: &str) -> Value {
        self.browser.get(&format!("element/{}/{what}", self.id))
    }

    fn post(&self, what: &str, body: Value) -> Value {
        self.browser
            .post(&format!("element/{}/{what}", self.id), body)
    }
}

/// The `value` of an answer; an error is the end of the test.
#[track_caller]
fn exchange(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let mut answer = answer.expect("chromedriver answers");
    let mut json: Value = answer
        .body_mut()
        .read_json()
        .expect("JSON from chromedriver");
    let value = json["value"].take();
    assert!(
        answer.status().is_success(),
        "{}: {}",
        value["error"],
        value["message"]
    );
    value
}

fn text(value: Value) -> String {
    value.as_str().expect("a text").to_owned()
}
