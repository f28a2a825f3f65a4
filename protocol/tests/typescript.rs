//! The generated TypeScript is the one in the tree. `HEARTH_GENERATE=1` writes it instead.

use std::{fs, path::Path};

#[test]
fn the_generated_typescript_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-client/sdk/src/generated/protocol.ts");
    let generated = hearth_protocol::typescript();
    if std::env::var_os("HEARTH_GENERATE").is_some() {
        fs::write(&path, &generated).expect("the generated file can be written");
    }
    let present = fs::read_to_string(&path).unwrap_or_default();
    assert!(present == generated, "{} is out of date: run `make generate`", path.display());
}
