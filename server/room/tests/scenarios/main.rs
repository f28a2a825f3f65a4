//! The rules of the room, line by line, each against somebody who does not keep to them.

mod aside;
mod breach;
mod cards;
mod chat;
mod crisis;
mod device;
mod distress;
mod door;
mod floor;
mod gates;
mod helper;
mod lead;
mod level;
mod meeting;
mod noise;
mod own;
mod rest;
mod roles;
mod round;
mod safety;
mod scale;
mod seats;
mod snapshot;
mod words;
