//! What goes over the wire is what the samples show, the document says and the TypeScript promises.

mod document;
mod samples;
mod schema;
