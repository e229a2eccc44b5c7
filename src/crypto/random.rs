//! Secret random bytes, directly from the operating system.

use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

/// `N` bytes from the operating system's generator, wiped when dropped.
///
/// # Panics
///
/// If the operating system cannot provide randomness: nothing can safely continue without it.
pub fn secret_bytes<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    fill(bytes.as_mut_slice());
    bytes
}

/// `N` bytes from the operating system's generator, for values that are not secret.
///
/// # Panics
///
/// Like [`secret_bytes`].
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

fn fill(bytes: &mut [u8]) {
    SysRng.try_fill_bytes(bytes).expect("the operating system gives random bytes");
}
