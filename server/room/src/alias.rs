//! Names as they stand on the screen: one script, no trickery, and no two that look alike.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use hearth_forwarding::Subject;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_security::MixedScript;
use unicode_segmentation::UnicodeSegmentation;

const GRAPHEMES_MAX: usize = 24;
/// A grapheme may pile up marks without end; a name may not.
const BYTES_MAX: usize = 160;
const TITLE_CHARS_MAX: usize = 80;
/// A role word as long as this claims the role within a longer word too; a shorter one is part of many a name.
const ROLE_CHARS_MIN: usize = 7;
/// Words that would claim a role: in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Turkish and Russian.
const ROLE_WORDS: [&str; 45] = [
    "facilitator",
    "cofacilitator",
    "host",
    "cohost",
    "moderator",
    "admin",
    "administrator",
    "therapist",
    "doctor",
    "staff",
    "system",
    "hearth",
    "interpreter",
    "observer",
    "lead",
    "leader",
    "peerlead",
    "peerleader",
    "colead",
    "leiter",
    "leiterin",
    "moderatorin",
    "therapeut",
    "therapeutin",
    "animateur",
    "animatrice",
    "therapeute",
    "moderateur",
    "facilitador",
    "facilitadora",
    "moderador",
    "moderadora",
    "terapeuta",
    "facilitatore",
    "moderatore",
    "begeleider",
    "prowadzacy",
    "terapeutka",
    "moderatör",
    "terapist",
    "yonetici",
    "ведущий",
    "ведущая",
    "модератор",
    "терапевт",
];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// Empty after a restart: then the neutral one stands.
    pub text: String,
    pub skeleton: String,
}

impl Alias {
    /// What may stand on the screen of what the ticket says; the neutral alias otherwise, and a number where it looks like another.
    pub fn choose(wanted: &str, subject: Subject, taken: &BTreeSet<String>) -> Alias {
        let base = cleaned(wanted).unwrap_or_else(|| neutral(subject));
        let skeleton = skeleton(&base);
        if !taken.contains(&skeleton) {
            return Alias { text: base, skeleton };
        }
        for number in 2..=u32::MAX {
            let text = numbered(&base, number);
            let skeleton = self::skeleton(&text);
            if !taken.contains(&skeleton) {
                return Alias { text, skeleton };
            }
        }
        Alias { text: neutral(subject), skeleton: String::new() }
    }

    pub fn looks_like(&self, subject: Subject) -> String {
        if self.text.is_empty() { skeleton(&neutral(subject)) } else { self.skeleton.clone() }
    }

    pub fn shown(&self, subject: Subject) -> String {
        if self.text.is_empty() { neutral(subject) } else { self.text.clone() }
    }
}

pub(crate) fn neutral(subject: Subject) -> String {
    format!("Guest {}", subject.0)
}

/// As somebody at the door is called, before a number is needed.
pub(crate) fn at_the_door(wanted: &str) -> String {
    cleaned(wanted).unwrap_or_else(|| "Guest".to_owned())
}

/// Words from a ticket, as they may stand beside a name.
pub(crate) fn title(wanted: &str) -> Option<String> {
    let shown: String = wanted.nfkc().filter(|c| !is_hidden(*c)).take(TITLE_CHARS_MAX).collect();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    (!shown.is_empty()).then_some(shown)
}

fn cleaned(wanted: &str) -> Option<String> {
    if wanted.len() > BYTES_MAX {
        return None;
    }
    let text: String = wanted.nfkc().collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let graphemes = text.graphemes(true).count();
    let sound = (1..=GRAPHEMES_MAX).contains(&graphemes)
        && text.len() <= BYTES_MAX
        && text.chars().any(char::is_alphanumeric)
        && !text.chars().any(is_hidden)
        && text.as_str().is_single_script()
        && !claims_role(&text);
    sound.then_some(text)
}

/// Control, formatting and direction marks, private use, and what shows nothing. A joiner inside a word is left to the scripts that need it.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

/// The skeletons of [`ROLE_WORDS`]: always the same, and dear to make.
static ROLES: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| ROLE_WORDS.iter().map(|role| skeleton(&unmarked(role))).collect());

/// Numbers at its ends and what stands beside it in CamelCase make no other word of it.
fn claims_role(text: &str) -> bool {
    let plain = unmarked(&spaced(text).to_lowercase());
    let words = plain.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words.map(|word| skeleton(word.trim_matches(char::is_numeric))).collect();
    let long = |role: &&String| role.chars().count() >= ROLE_CHARS_MIN;
    let claims = |word: &String| {
        ROLES.contains(word) || ROLES.iter().filter(long).any(|role| word.contains(role.as_str()))
    };
    words.iter().any(claims) || ROLES.contains(&words.concat())
}

/// With a space before each capital that follows a small letter.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_uppercase() && spaced.ends_with(char::is_lowercase) {
            spaced.push(' ');
        }
        spaced.push(c);
    }
    spaced
}

fn unmarked(text: &str) -> String {
    text.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).collect()
}

/// UTS 39, over lower case, so that neither look-alikes nor capitals make a second name.
fn skeleton(text: &str) -> String {
    let lower = text.to_lowercase();
    unicode_security::skeleton(&lower).collect::<String>().to_lowercase()
}

fn numbered(base: &str, number: u32) -> String {
    let suffix = format!(" {number}");
    let room = GRAPHEMES_MAX.saturating_sub(suffix.chars().count());
    let kept: String = base.graphemes(true).take(room).collect();
    format!("{}{suffix}", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &str, taken: &[&str], expected: &str) {
        let taken = taken.iter().map(|text| skeleton(text)).collect();
        assert_eq!(Alias::choose(wanted, Subject(3), &taken).text, expected, "{wanted:?}");
    }

    #[test]
    fn a_plain_name_stays() {
        for name in ["Robin", "Zoë", "Åse-Marie", "李明", "Анна", "さくら"] {
            check(name, &[], name);
        }
        check("  Robin   B. ", &[], "Robin B.");
    }

    #[test]
    fn a_name_that_breaks_the_rules_becomes_neutral() {
        for name in [
            "",
            "   ",
            "…",
            "Ro\u{202e}bin",
            "R\u{200b}obin",
            "Rоbin",
            "a name that is far too long for any tile",
        ] {
            check(name, &[], "Guest 3");
        }
        check(&"a".repeat(100_000), &[], "Guest 3");
        check(&format!("a{}", "\u{301}".repeat(1_000)), &[], "Guest 3");
    }

    #[test]
    fn no_name_claims_a_role() {
        for name in [
            "Facilitator",
            "the HOST",
            "Co-Facilitator",
            "Moderátor",
            "Ведущий",
            "Fаcilitator",
            "h o s t",
            "Peer Lead",
            "PeerLead",
            "Therapist1",
            "2ndTherapist",
            "FacilitatorTom",
            "Tomfacilitator",
            "HostTom",
            "Host 1",
            "host1",
        ] {
            check(name, &[], "Guest 3");
        }
        for name in ["Hostetler", "Leadbetter", "Doctorow", "Ann McDonald", "Ann 2"] {
            check(name, &[], name);
        }
    }

    #[test]
    fn a_look_alike_gets_a_number() {
        check("Robin", &["Robin"], "Robin 2");
        check("robin", &["Robin", "Robin 2"], "robin 3");
        check("RОВЕRТ", &[], "Guest 3");
        check("rnax", &["max"], "rnax 2");
        check("аnna".to_uppercase().as_str(), &["Anna"], "Guest 3");
        check("abcdefghijklmnopqrstuvwx", &["abcdefghijklmnopqrstuvwx"], "abcdefghijklmnopqrstuv 2");
    }
}
