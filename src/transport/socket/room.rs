//! Room for what comes in pieces, and says beforehand how long it will be.

use std::collections::TryReserveError;

/// Room that is made on the strength of a claim alone.
const TRUSTED: usize = 64 << 10;
/// How much of a claimed length has to be there before room is made for the next step of it.
const STEP: usize = 16;

/// Makes room for `needed` bytes in all, growing towards the `claimed` length in great steps: little is copied twice, and who
/// only claims does not get much memory.
///
/// # Errors
/// If the system has no memory for it. Nothing is lost then, and others go on.
pub fn make_room(bytes: &mut Vec<u8>, needed: usize, claimed: usize) -> Result<(), TryReserveError> {
    if needed <= bytes.capacity() {
        return Ok(());
    }
    let room = needed.max(claimed.min(TRUSTED.max(needed.saturating_mul(STEP))));
    bytes.try_reserve_exact(room - bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_with_what_is_there_and_not_with_what_is_claimed() {
        let mut bytes = Vec::new();
        let mut steps = 0;
        while bytes.len() < 10_000_000 {
            let before = bytes.capacity();
            let needed = bytes.len() + 1_000;
            make_room(&mut bytes, needed, 10_000_000).unwrap();
            assert!(bytes.capacity() <= TRUSTED.max(needed * STEP), "{}", bytes.len());
            steps += u32::from(bytes.capacity() > before);
            bytes.extend([0; 1_000]);
        }
        assert!(steps < 6 && bytes.capacity() == 10_000_000, "{steps}");
    }

    #[test]
    fn what_there_is_no_memory_for_is_said_and_not_died_of() {
        let mut bytes = vec![7];
        assert!(make_room(&mut bytes, usize::MAX / 4, 0).is_err());
        assert_eq!(bytes, [7]);
    }
}
