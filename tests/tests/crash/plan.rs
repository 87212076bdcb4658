//! What happens to one device, by chance.

use crate::chance::Chance;
use crate::fate::Failure;
use crate::process::APP;

/// After so many seconds a claim of a process that may be alive is broken.
pub(crate) const TERM: u64 = 15;
/// A refresh without trouble takes twelve steps; one that begins again takes more.
const MOST_STEPS: usize = 13;

/// What one case does; all of it by chance.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// After which step each process dies, and how long the next one waits.
    pub(crate) deaths: Vec<(usize, u64)>,
    pub(crate) company: Company,
    /// The role of the app's processes.
    pub(crate) role: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Company {
    None,
    /// Another process asks at the same time: a widget, an extension.
    Beside,
    /// A write of the first process fails, or an answer does not reach it.
    Failing(Failure),
}

impl Plan {
    pub(crate) fn by(chance: &mut Chance) -> Plan {
        let role = chance.one_of(&[APP, APP, APP, None]);
        // Without a role the next process waits for the claim of the dead one.
        let pauses = match role {
            Some(_) => [0, 0, 3, 3, 8, 40],
            None => [0, TERM, TERM, TERM, TERM, 40],
        };
        let deaths = chance.one_of(&[1, 1, 1, 2]);
        Plan {
            role,
            deaths: (0..deaths)
                .map(|_| (1 + chance.below(MOST_STEPS), chance.one_of(&pauses)))
                .collect(),
            company: match chance.below(6) {
                0 => Company::Beside,
                1 => Company::Failing(Failure::Answer),
                2 => Company::Failing(Failure::Write {
                    nth: 1 + chance.below(4),
                    done: chance.below(2) == 0,
                }),
                _ => Company::None,
            },
        }
    }
}
