//! The simulcast layers of one picture: which are alive, how high they are, and which one a tile wants.

use std::time::{Duration, Instant};

use crate::keyframe::Wish;

/// A sender whose bandwidth is short stops a layer without a word. Silent for this long while another layer goes on: not there.
const SILENT: Duration = Duration::from_millis(400);
/// A source of which nothing came for so long is not asked for key frames.
const HEARD: Duration = Duration::from_secs(2);
/// Where no key frame has said it yet: the usual heights of `q h f`.
const HEIGHTS: [u16; 3] = [180, 360, 720];
/// A layer this much lower than its tile is still sharp enough: per cent of the tile's height.
const ENOUGH: u32 = 75;

#[derive(Clone, Debug, Default)]
pub struct Layer {
    heard: Option<Instant>,
    height: Option<u16>,
    pub wish: Wish,
}

#[derive(Clone, Debug)]
pub struct Layers {
    layers: Vec<Layer>,
}

impl Layers {
    pub fn new(count: usize) -> Self {
        Layers { layers: vec![Layer::default(); count.max(1)] }
    }

    /// After a new offer. What was learned of layers that stay is kept.
    pub fn resize(&mut self, count: usize) {
        self.layers.resize_with(count.max(1), Layer::default);
    }

    pub fn get_mut(&mut self, layer: usize) -> Option<&mut Layer> {
        self.layers.get_mut(layer)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Layer)> {
        self.layers.iter_mut().enumerate()
    }

    pub fn heard(&mut self, layer: usize, now: Instant, height: Option<u16>) {
        let Some(layer) = self.layers.get_mut(layer) else { return };
        layer.heard = Some(now);
        layer.height = height.or(layer.height);
    }

    /// Nothing of it comes any more, as of a closed gate: it must be heard again before it counts as alive.
    pub fn forget(&mut self) {
        for layer in &mut self.layers {
            layer.heard = None;
        }
    }

    /// Anything of any layer, a moment ago.
    pub fn is_heard(&self, now: Instant) -> bool {
        self.layers.iter().filter_map(|layer| layer.heard).any(|heard| now <= heard + HEARD)
    }

    fn alive(&self, layer: usize, now: Instant) -> bool {
        let Some(newest) = self.layers.iter().filter_map(|layer| layer.heard).max() else { return false };
        // Against the newest of all, so that a picture that stands still as a whole keeps its layers.
        let reference = newest.min(now);
        self.layers[layer].heard.is_some_and(|heard| reference <= heard + SILENT)
    }

    fn height(&self, layer: usize) -> u32 {
        let usual = HEIGHTS[layer.min(HEIGHTS.len() - 1)];
        u32::from(self.layers[layer].height.unwrap_or(usual))
    }

    /// The lowest living layer that is sharp enough for a tile, else the highest living one. Before any is heard: the lowest.
    pub fn choose(&self, now: Instant, tile_height: u32) -> usize {
        let mut chosen = None;
        for layer in 0..self.layers.len() {
            if !self.alive(layer, now) {
                continue;
            }
            chosen = Some(layer);
            if self.height(layer) * 100 >= tile_height.saturating_mul(ENOUGH) {
                break;
            }
        }
        chosen.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(heard_ms: [Option<u64>; 3], now_ms: u64, tile: u32, expected: usize) {
        let start = Instant::now();
        let mut layers = Layers::new(3);
        for (layer, heard) in heard_ms.into_iter().enumerate() {
            if let Some(heard) = heard {
                layers.heard(layer, start + Duration::from_millis(heard), None);
            }
        }
        assert_eq!(layers.choose(start + Duration::from_millis(now_ms), tile), expected);
    }

    #[test]
    fn a_tile_gets_the_lowest_layer_that_is_sharp_enough() {
        let all = [Some(1000); 3];
        check(all, 1000, 90, 0);
        check(all, 1000, 240, 0);
        check(all, 1000, 300, 1);
        check(all, 1000, 480, 1);
        check(all, 1000, 500, 2);
        check(all, 1000, 4000, 2);
        check(all, 1000, u32::MAX, 2);
    }

    #[test]
    fn a_silent_layer_is_left_for_one_that_is_heard() {
        check([Some(1000), Some(1000), Some(599)], 1000, 720, 1);
        check([Some(1000), Some(100), Some(100)], 1000, 720, 0);
        check([Some(1000), None, None], 1000, 720, 0);
        check([None, None, Some(1000)], 1000, 90, 2);
    }

    #[test]
    fn a_picture_that_stands_still_keeps_its_layers() {
        check([Some(1000); 3], 9000, 720, 2);
    }

    #[test]
    fn the_height_in_a_key_frame_counts() {
        let now = Instant::now();
        let mut layers = Layers::new(2);
        layers.heard(0, now, Some(360));
        layers.heard(1, now, Some(720));
        assert_eq!(layers.choose(now, 360), 0);
        assert_eq!(layers.choose(now, 720), 1);
    }
}
