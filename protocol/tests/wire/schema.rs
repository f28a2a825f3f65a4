//! The generated TypeScript, read back: what a client of this protocol is told about every message, field and value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The exported types by name, and the exported limits.
pub struct Schema {
    pub types: BTreeMap<String, Type>,
    pub limits: BTreeMap<String, usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Literal(String),
    Named(String),
    List(Box<Type>),
    Object(Vec<Field>),
    /// One of these.
    Union(Vec<Type>),
    /// All of these at once.
    Both(Vec<Type>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub optional: bool,
    pub kind: Type,
}

impl Schema {
    pub fn generated() -> Schema {
        let module = hearth_protocol::typescript();
        let mut reader = Reader { tokens: tokens(&module), at: 0 };
        let mut schema = Schema { types: BTreeMap::new(), limits: BTreeMap::new() };
        while reader.at < reader.tokens.len() {
            reader.expect("export");
            let what = reader.next();
            let name = reader.next();
            reader.expect("=");
            match what.as_str() {
                "const" => {
                    let limit = reader.next().parse().expect("a limit is a number");
                    schema.limits.insert(name, limit);
                }
                "type" => {
                    let kind = reader.union();
                    schema.types.insert(name, kind);
                }
                other => panic!("an export of an unknown kind: {other}"),
            }
            reader.expect(";");
        }
        schema
    }

    /// The alternatives of a union, a single one for anything else.
    pub fn alternatives(&self, name: &str) -> Vec<&Type> {
        match &self.types[name] {
            Type::Union(of) => of.iter().collect(),
            one @ (Type::Literal(_) | Type::Named(_) | Type::List(_) | Type::Object(_) | Type::Both(_)) => {
                vec![one]
            }
        }
    }

    /// The fields of an object, intersections and names followed.
    pub fn fields(&self, kind: &Type) -> Vec<Field> {
        match kind {
            Type::Object(fields) => fields.clone(),
            Type::Both(parts) => parts.iter().flat_map(|part| self.fields(part)).collect(),
            Type::Named(name) => self.types.get(name).map(|kind| self.fields(kind)).unwrap_or_default(),
            Type::Literal(_) | Type::List(_) | Type::Union(_) => Vec::new(),
        }
    }

    /// The `type` that marks an alternative of a tagged union.
    pub fn tag(&self, kind: &Type) -> Option<String> {
        let tag = self.fields(kind).into_iter().find(|field| field.name == "type")?;
        let Type::Literal(tag) = tag.kind else { return None };
        Some(tag)
    }

    /// Everything that can be met on the wire: each alternative and value as `Type.name`, and each optional field as
    /// `Type.name?` (there) and `Type.name!` (not there).
    pub fn all(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for name in self.types.keys() {
            for kind in self.alternatives(name) {
                let here = match (kind, self.tag(kind)) {
                    (Type::Literal(value), _) => format!("{name}.{value}"),
                    (_, Some(tag)) => format!("{name}.{tag}"),
                    (_, None) => name.clone(),
                };
                for field in own_fields(kind).into_iter().filter(|field| field.optional) {
                    all.insert(format!("{here}.{}?", field.name));
                    all.insert(format!("{here}.{}!", field.name));
                }
                all.insert(here);
            }
        }
        all
    }

    /// Checks a value against a type and notes what was met, in the words of [`Schema::all`].
    pub fn meet(&self, name: &str, value: &Value, met: &mut BTreeSet<String>) -> Result<(), String> {
        match name {
            "number" => value.is_u64().then_some(()).ok_or(format!("{value} is no number")),
            "string" => value.is_string().then_some(()).ok_or(format!("{value} is no string")),
            "boolean" => value.is_boolean().then_some(()).ok_or(format!("{value} is no boolean")),
            name => self.meet_declared(name, value, met),
        }
    }

    fn meet_declared(&self, name: &str, value: &Value, met: &mut BTreeSet<String>) -> Result<(), String> {
        for kind in self.alternatives(name) {
            match (kind, self.tag(kind)) {
                (Type::Literal(literal), _) if value == literal.as_str() => {
                    met.insert(format!("{name}.{literal}"));
                    return Ok(());
                }
                (Type::Literal(_), _) => {}
                (_, Some(tag)) if value["type"] == tag => {
                    let here = format!("{name}.{tag}");
                    self.meet_kind(&here, kind, value, met).map_err(|why| format!("{here}: {why}"))?;
                    met.insert(here);
                    return Ok(());
                }
                (_, Some(_)) => {}
                (kind, None) => {
                    self.meet_kind(name, kind, value, met).map_err(|why| format!("{name}: {why}"))?;
                    met.insert(name.to_owned());
                    return Ok(());
                }
            }
        }
        Err(format!("{value} is no {name}"))
    }

    fn meet_kind(
        &self,
        here: &str,
        kind: &Type,
        value: &Value,
        met: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        match kind {
            Type::Named(name) => self.meet(name, value, met),
            Type::List(of) => {
                let items = value.as_array().ok_or(format!("{value} is no list"))?;
                items.iter().try_for_each(|item| self.meet_kind(here, of, item, met))
            }
            Type::Object(_) | Type::Both(_) => self.meet_object(here, kind, value, met),
            Type::Literal(_) | Type::Union(_) => Err("a type without a name".to_owned()),
        }
    }

    fn meet_object(
        &self,
        here: &str,
        kind: &Type,
        value: &Value,
        met: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let given = value.as_object().ok_or(format!("{value} is no object"))?;
        let fields = self.fields(kind);
        if let Some(unknown) = given.keys().find(|key| !fields.iter().any(|field| field.name == **key)) {
            return Err(format!("unknown field {unknown}"));
        }
        for field in own_fields(kind) {
            if field.name == "type" {
                continue;
            }
            match given.get(&field.name) {
                Some(value) => self.meet_kind(here, &field.kind, value, met)?,
                None if field.optional => {}
                None => return Err(format!("without {}", field.name)),
            }
            if field.optional {
                let mark = if given.contains_key(&field.name) { '?' } else { '!' };
                met.insert(format!("{here}.{}{mark}", field.name));
            }
        }
        for name in flattened(kind) {
            let mut bare = given.clone();
            bare.remove("type");
            self.meet(&name, &Value::Object(bare), met)?;
        }
        Ok(())
    }
}

/// The fields written out in this type itself.
fn own_fields(kind: &Type) -> Vec<Field> {
    match kind {
        Type::Object(fields) => fields.clone(),
        Type::Both(parts) => parts.iter().flat_map(own_fields).collect(),
        Type::Literal(_) | Type::Named(_) | Type::List(_) | Type::Union(_) => Vec::new(),
    }
}

/// The named types whose fields stand beside the tag.
fn flattened(kind: &Type) -> Vec<String> {
    let Type::Both(parts) = kind else { return Vec::new() };
    let named = parts.iter().filter_map(|part| match part {
        Type::Named(name) => Some(name.clone()),
        Type::Literal(_) | Type::List(_) | Type::Object(_) | Type::Union(_) | Type::Both(_) => None,
    });
    named.collect()
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at += 1;
        token
    }

    fn take(&mut self, token: &str) -> bool {
        let there = self.peek() == token;
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, token: &str) {
        let found = self.next();
        assert_eq!(found, token, "after {:?}", &self.tokens[self.at.saturating_sub(6)..self.at]);
    }

    fn union(&mut self) -> Type {
        let mut of = vec![self.both()];
        while self.take("|") {
            of.push(self.both());
        }
        if of.len() == 1 { of.remove(0) } else { Type::Union(of) }
    }

    fn both(&mut self) -> Type {
        let mut parts = vec![self.single()];
        while self.take("&") {
            parts.push(self.single());
        }
        if parts.len() == 1 { parts.remove(0) } else { Type::Both(parts) }
    }

    fn single(&mut self) -> Type {
        let token = self.next();
        if token == "{" {
            return self.object();
        }
        if let Some(literal) = token.strip_prefix('"') {
            return Type::Literal(literal.to_owned());
        }
        if token == "Array" {
            self.expect("<");
            let of = self.union();
            self.expect(">");
            return Type::List(Box::new(of));
        }
        Type::Named(token)
    }

    fn object(&mut self) -> Type {
        let mut fields = Vec::new();
        while !self.take("}") {
            let name = self.next().trim_start_matches('"').to_owned();
            let optional = self.take("?");
            self.expect(":");
            fields.push(Field { name, optional, kind: self.union() });
            self.take(",");
        }
        Type::Object(fields)
    }
}

/// Words, strings (with their opening quote) and single signs; comments are left out.
fn tokens(module: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = module.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").expect("a comment ends") + 2
        } else if first == '"' {
            let end = rest[1..].find('"').expect("a string ends") + 1;
            tokens.push(rest[..end].to_owned());
            end + 1
        } else {
            let word = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(rest.len());
            let length = word.max(first.len_utf8());
            tokens.push(rest[..length].to_owned());
            length
        };
        rest = rest[length..].trim_start();
    }
    tokens
}
