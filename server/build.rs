//! The pages become part of the program: it is built anew when they are.

use std::path::Path;

fn main() {
    let dist = Path::new("../web-client/app/dist");
    // A path that does not exist counts as changed each time; the folder above tells as well when it comes into being.
    let watched = if dist.is_dir() { dist } else { Path::new("../web-client/app") };
    println!("cargo::rerun-if-changed={}", watched.display());
    if !dist.join("index.html").is_file()
        && std::env::var("PROFILE").is_ok_and(|profile| profile == "release")
    {
        println!(
            "cargo::warning=the web client is not built, so this server will have no pages: run `make web` first"
        );
    }
}
