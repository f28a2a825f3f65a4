use ts_rs::{Config, TS};

use crate::*;

/// The browser's side of these types, as one TypeScript module.
pub fn typescript() -> String {
    let mut module = String::from(
        "// Generated from the protocol crate. Do not edit: `make generate` writes it, a test keeps it current.\n",
    );
    let limits = [
        ("VERSION", VERSION as usize),
        ("FRAME_BYTES_MAX", FRAME_BYTES_MAX),
        ("SDP_BYTES_MAX", SDP_BYTES_MAX),
        ("SDP_MEDIA_LINES_MAX", SDP_MEDIA_LINES_MAX),
        ("TEXT_CHARS_MAX", TEXT_CHARS_MAX),
    ];
    for (name, value) in limits {
        module += &format!("\nexport const {name} = {value};\n");
    }
    let config = Config::default();
    macro_rules! declare {
        ($($name:ident),* $(,)?) => {$(
            module += "\n";
            if let Some(docs) = <$name as TS>::docs() {
                module += &docs;
            }
            module += &format!("export {}\n", <$name as TS>::decl(&config));
        )*};
    }
    declare!(
        ParticipantId,
        KnockId,
        RequestId,
        Millis,
        Secret,
        Source,
        MediaOffer,
        TrackLabel,
        Tile,
        Slot,
        SlotSource,
        ClientFrame,
        Hello,
        Credential,
        Request,
        HandKind,
        Reaction,
        FloorMode,
        RoundOrder,
        ThawStep,
        ServerFrame,
        GroundRules,
        Outcome,
        Change,
        Notice,
        ByeReason,
        Bye,
        Card,
        RefusalCode,
        Refusal,
        RoomView,
        Role,
        Reason,
        You,
        GateReasons,
        Participant,
        OpenSources,
        Hand,
        RoomState,
        Frozen,
        Hold,
        Floor,
        Speaker,
        Round,
        Desk,
        Knock,
        ParticipantGates,
        Away,
        AwayHow,
        Removed,
        Denied,
        Heard,
        Level,
        ChatPolicy,
        ReactionPolicy,
        HandOrder,
        SegmentKind,
        SegmentSettings,
        Segment,
        AgendaItem,
        AsideId,
        Aside,
        Pair,
        SignalId,
        SignalKind,
        Signal,
        OwnSignal,
        OwnSignalState,
        DoorSignal,
        BreachCode,
        MessageId,
        Audience,
        MessageKind,
        Message,
        Prompt,
        Timer,
        Scale,
        ScaleResult,
        ScaleAnswers,
        NamedAnswer,
        Goal,
        Export,
    );
    module
}
