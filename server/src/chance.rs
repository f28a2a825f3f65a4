/// Bytes from the system's source of randomness.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .expect("a system without randomness cannot keep anybody safe: better to stop");
    bytes
}
