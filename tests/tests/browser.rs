//! Whole logins with a real browser: Chromium stands in for the person's, the embedded provider shows the login page,
//! and the binary `latchkey` catches the redirect on loopback.

use latchkey_tests::pictures;
use latchkey_tests::process::{Answer, Latchkey, Running};
use latchkey_tests::webdriver::{Browser, ColorScheme, ENTER, Element, TAB};
use serde_json::{Value, json};

const GO_BACK: &str = "You can close this window and go back to the terminal.";

/// The embedded provider and API, and a client of theirs.
struct Story {
    _server: Running,
    latchkey: Latchkey,
    user: Value,
}

impl Story {
    fn begin() -> Story {
        let mut server = Running::start(&mut Latchkey::new(&[]).command(&["serve"]));
        let ready = server.json_line();
        let text = |name: &str| ready[name].as_str().expect("a text in the ready line");
        let latchkey = Latchkey::new(&[
            ("issuer", text("issuer")),
            ("api", text("api")),
            ("client-id", text("client_id")),
            ("audience", text("audience")),
            ("scope", "openid profile offline_access read:messages"),
        ]);
        Story {
            user: ready["users"][0].clone(),
            latchkey,
            _server: server,
        }
    }

    /// Runs `latchkey login` while `person` deals with the login page that `browser` has opened.
    fn login(&self, browser: &Browser, person: impl FnOnce()) -> Answer {
        self.latchkey.login(&["login"], |url| {
            browser.open(url);
            person();
        })
    }

    fn name(&self) -> &str {
        self.user["name"].as_str().expect("a name")
    }

    fn password(&self) -> &str {
        self.user["password"].as_str().expect("a password")
    }
}

fn name_field(browser: &Browser) -> Element<'_> {
    browser.named("input", "User name")
}

fn password_field(browser: &Browser) -> Element<'_> {
    browser.named("input", "Password")
}

fn button<'a>(browser: &'a Browser, name: &str) -> Element<'a> {
    browser.named("button", name)
}

/// Waits for the closing page, checks what every page of this kind must have, and returns its text.
fn closing_page(browser: &Browser, heading: &str) -> String {
    // It is shown only after two redirects, so it is waited for.
    let shown = browser.find_text("h1", heading);
    assert_eq!(
        (shown.role(), shown.name()),
        ("heading".to_owned(), heading.to_owned())
    );
    assert_eq!(browser.title(), format!("{heading} – Latchkey"));
    let url = browser.url();
    for secret in ["code=", "state=", "iss=", "error=", "?", "#"] {
        assert!(!url.contains(secret), "{secret} in {url}");
    }
    must_be_readable(browser);
    browser.find("main").text()
}

/// In the person's language, with one heading, and legible by day and by night.
fn must_be_readable(browser: &Browser) {
    let page = browser.evaluate(
        "return { lang: document.documentElement.lang, headings: document.querySelectorAll('h1').length, \
         main: document.querySelectorAll('main').length, \
         wide: document.documentElement.scrollWidth > document.documentElement.clientWidth }",
    );
    assert_eq!(
        page,
        json!({ "lang": "en", "headings": 1, "main": 1, "wide": false })
    );
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
    for scheme in [ColorScheme::Dark, ColorScheme::Light] {
        browser.prefer(scheme);
        let problems = browser.evaluate(include_str!("../src/legibility.js"));
        assert_eq!(problems, json!([]), "in the {scheme:?} scheme");
    }
}

#[test]
fn a_person_logs_in_and_the_closing_page_says_that_one_can_go_back() {
    let story = Story::begin();
    let browser = Browser::start();
    let login = story.login(&browser, || {
        assert_eq!(browser.find("h1").text(), "Log in");
        assert!(browser.title().starts_with("Log in"), "{}", browser.title());
        must_be_readable(&browser);
        pictures::compare("login-page", &browser.screenshot());

        name_field(&browser).type_in(story.name());
        password_field(&browser).type_in(story.password());
        button(&browser, "Log in").click();

        let text = closing_page(&browser, "You are logged in");
        assert!(text.contains(GO_BACK), "{text}");
        pictures::compare("closing-page", &browser.screenshot());
    });
    let session = login.done()["session"].take();
    assert_eq!(session["state"], "signed_in");
    assert_eq!(session["claims"]["preferred_username"], story.name());
    let message = story.latchkey.run(&["ping", "private-scoped"]).done()["message"].take();
    assert!(
        message.as_str().is_some_and(|message| !message.is_empty()),
        "{message}"
    );
}

#[test]
fn a_browser_without_javascript_and_a_person_without_a_mouse_log_in_all_the_same() {
    let story = Story::begin();
    let browser = Browser::without_javascript();
    browser.open("data:text/html,<title>off</title><script>document.title = 'on'</script>");
    assert_eq!(browser.title(), "off");
    let login = story.login(&browser, || {
        // The first field has the focus.
        browser.focused().type_in(&format!("{}{TAB}", story.name()));
        browser
            .focused()
            .type_in(&format!("{}{ENTER}", story.password()));
        let text = closing_page(&browser, "You are logged in");
        assert!(text.contains(GO_BACK), "{text}");
    });
    assert_eq!(login.done()["session"]["state"], "signed_in");
}

#[test]
fn cancel_is_a_denial_and_the_browser_says_that_nobody_is_logged_in() {
    let story = Story::begin();
    let browser = Browser::start();
    let login = story.login(&browser, || {
        button(&browser, "Cancel").click();
        let text = closing_page(&browser, "You are not logged in");
        assert!(text.contains(GO_BACK), "{text}");
        pictures::compare("denied-page", &browser.screenshot());
    });
    let error = login.error();
    assert_eq!(
        (&error["kind"], &error["code"]),
        (&json!("denied"), &json!("access_denied"))
    );
    let session = story.latchkey.run(&["status"]).done()["session"].take();
    assert_eq!(session, json!({ "state": "signed_out", "reason": "never" }));
}

#[test]
fn a_wrong_password_is_said_on_the_page_and_can_be_corrected_there() {
    let story = Story::begin();
    let browser = Browser::start();
    let login = story.login(&browser, || {
        name_field(&browser).type_in(story.name());
        password_field(&browser).type_in("wrong");
        button(&browser, "Log in").click();
        let alert = browser.find("[role=alert]");
        assert!(alert.text().contains("wrong"), "{}", alert.text());
        assert!(
            browser.title().starts_with("Error: "),
            "{}",
            browser.title()
        );
        must_be_readable(&browser);

        password_field(&browser).type_in(story.password());
        button(&browser, "Log in").click();
        closing_page(&browser, "You are logged in");
    });
    assert_eq!(login.done()["session"]["state"], "signed_in");
}
