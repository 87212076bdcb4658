//! The one request that is repeated: a GET that broke off before its answer was whole, or met a server in trouble.
//!
//! A GET may be (RFC 9110 §9.2.2, RFC 9112 §9.3.1); a code, a refresh token or an app's own request never is, whatever
//! its method. The second try opens a connection: a server that closes its connections without a word leaves several
//! dead ones in the pool, and the next one would be as bad as the first. A client's pool cannot be told to pass itself
//! by for one request, so there are two clients that keep none.

use super::{Request, Response, Transport, TransportError};

type Answer = Result<Response, TransportError>;

impl Transport {
    /// Sends the GET that `make` makes, and once more where [`deserves_another`] says so. `tell` is told of each answer.
    pub(crate) async fn fetch(
        &self,
        make: &(dyn Fn() -> Request + Sync),
        tell: &(dyn Fn(&Answer) + Sync),
    ) -> Answer {
        let first = self.send(make()).await;
        tell(&first);
        if !deserves_another(&first) {
            return first;
        }
        let second = self.send_afresh(make()).await;
        tell(&second);
        second
    }

    /// Sends one request, once, on a connection that it opens.
    pub(crate) async fn send_afresh(&self, request: Request) -> Answer {
        self.send_by(&self.without_pool, request).await
    }
}

/// Whether a second try at once makes sense. Not where the server said when to come back, where nobody was there to be
/// asked, and where the first has taken all of its time.
fn deserves_another(first: &Answer) -> bool {
    match first {
        Ok(answer) => matches!(answer.status, 500..=599) && answer.header("retry-after").is_none(),
        Err(error) => *error == TransportError::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Answer {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Ok(Response {
            status,
            headers: headers.iter().map(own).collect(),
            body: Vec::new(),
        })
    }

    #[test]
    fn what_broke_off_and_a_server_in_trouble_get_a_second_try() {
        for first in [
            Err(TransportError::Interrupted),
            answer(500, &[]),
            answer(503, &[("server", "x")]),
            answer(599, &[]),
        ] {
            assert!(deserves_another(&first));
        }
    }

    #[test]
    fn an_answer_and_a_try_that_was_in_vain_for_good_get_none() {
        for first in [
            answer(200, &[]),
            answer(304, &[]),
            answer(404, &[]),
            answer(429, &[]),
            answer(503, &[("retry-after", "30")]),
            Err(TransportError::Offline),
            Err(TransportError::Tls),
            Err(TransportError::Timeout),
            Err(TransportError::TooLarge { status: 200 }),
        ] {
            assert!(!deserves_another(&first));
        }
    }
}
