//! `hearth formats`: what a room can be.

use std::io::{self, Write};

use hearth_room::Format;

use crate::Failure;
use crate::cli::Formats;

pub fn run(what: Option<Formats>) -> Result<(), Failure> {
    match what {
        None => list(),
        Some(Formats::Show { name }) => {
            let hint = || format!("there is no format `{name}`: `hearth formats` lists those there are");
            Ok(write!(io::stdout(), "{}", Format::find_shipped(&name).ok_or_else(hint)?.write())?)
        }
        Some(Formats::Check { file }) => {
            let shown = file.display();
            let toml = std::fs::read_to_string(&file)
                .map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
            let format = Format::read(&toml).map_err(|fault| format!("{shown}: {fault}"))?;
            let parts = format.segments.len();
            Ok(writeln!(io::stdout(), "{shown} is good: \"{}\" in {parts} segments", format.title)?)
        }
    }
}

fn list() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for format in Format::shipped() {
        writeln!(out, "{:<22} {}", format.name, format.about)?;
    }
    Ok(())
}
