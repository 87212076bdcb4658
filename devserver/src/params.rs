//! Parameters of requests, in the query or in a form, each at most once.

use url::form_urlencoded;

/// Parameters in the order in which they came. Empty values count as absent (RFC 6749 §3.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(encoded: &[u8]) -> Params {
        let pairs = form_urlencoded::parse(encoded).into_owned();
        Params(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The first value, whether or not there are more.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values: `resource` may come several times (RFC 8707 §2).
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The words of a value that is a list separated by spaces.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        let value = self.get(name).unwrap_or_default();
        value
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// A parameter that came twice although it must not (RFC 6749 §3.1, §3.2).
    pub(crate) fn duplicate(&self) -> Option<&str> {
        let names = self.0.iter().map(|(name, _)| name.as_str());
        names
            .filter(|&name| name != "resource")
            .find(|name| self.all(name).count() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_comes_twice_is_found_and_resource_may() {
        let params = Params::parse(b"resource=a&scope=x&resource=b&scope=x");
        assert_eq!(params.duplicate(), Some("scope"));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Params::parse(b"resource=a&resource=b").duplicate(), None);
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        assert_eq!(Params::parse(b"state=&nonce=n").get("state"), None);
    }
}
