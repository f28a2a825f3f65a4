//! Logs, to standard error. No name, no address and no word of anybody's is ever a field of a line.

use tracing_subscriber::EnvFilter;

use crate::config::{BadConfig, Log, LogFormat};

/// To be called once, by the program.
pub fn start(log: &Log) -> Result<(), BadConfig> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|_| BadConfig::of("log.filter", "is no filter: write it like info, or warn,hearth=debug"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
