//! Somebody who comes to Hearth, with media or without, stays a while, and leaves.

use std::time::{Duration, Instant};

use hearth_protocol::{Request, Source};

use crate::{
    Fallible,
    client::Shape,
    crowd::Crowd,
    relays::{Hearth, until_connected},
    signalling::Line,
};

/// `place`: room and seat. How long it took from dialling until media were connected.
pub async fn with_media(
    (hearth, crowd): (&Hearth, &Crowd),
    number: u32,
    (room, seat): (usize, usize),
    shape: &Shape,
    stay: Duration,
) -> Fallible<Duration> {
    let begin = Instant::now();
    let (client, line) = hearth.join(number, room, seat, shape).await?;
    let connected = client.connected();
    crowd.join(client);
    let came = until_connected(&[connected]).await;
    let took = begin.elapsed();
    if came.is_ok() {
        if shape.microphone {
            line.open(Source::Microphone).await?;
        }
        tokio::time::sleep(stay).await;
    }
    crowd.leave(number);
    leave(&line).await?;
    came.map(|()| took)
}

pub async fn without_media(hearth: &Hearth, (room, seat): (usize, usize)) -> Fallible<()> {
    leave(&hearth.sit(room, seat).await?).await
}

async fn leave(line: &Line) -> Fallible<()> {
    line.ask(Request::Leave).await;
    line.until("goodbye", |heard| heard.bye.clone()).await.map(|_| ())
}
