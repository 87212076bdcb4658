//! Chance that can be repeated: `SplitMix64`.

/// What the seed is read from.
pub(crate) const SEED: &str = "LATCHKEY_CRASH_SEED";

pub(crate) struct Chance(u64);

impl Chance {
    /// The nth of the sequences that belong to a seed.
    pub(crate) fn of(seed: u64, nth: u32) -> Chance {
        let mut chance = Chance(seed ^ u64::from(nth).wrapping_mul(0xD1B5_4A32_D192_ED03));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, without it.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("as small as the end")
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
