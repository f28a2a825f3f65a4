import { expect, test } from 'vitest';
import { arrange } from '../src/arrange';

const GAP = 10;

/** On this stage everybody is seen at once, on tiles of a face's shape, and nothing stands outside. */
function check(count: number, width: number, height: number): void {
  const { columns, scrolls, ...tile } = arrange(count, width, height, GAP);
  const rows = Math.ceil(count / columns);
  expect(scrolls).toBe(false);
  expect(tile.width * columns + GAP * (columns - 1)).toBeLessThanOrEqual(width);
  expect(tile.height * rows + GAP * (rows - 1)).toBeLessThanOrEqual(height);
  expect(tile.width / tile.height).toBeGreaterThan(0.74);
  expect(tile.width / tile.height).toBeLessThan(1.8);
}

test('a_group_of_any_usual_size_fits_a_phone', () => {
  for (let count = 1; count <= 15; count += 1) check(count, 340, 560);
});

test('a_group_of_fifty_fits_a_desktop', () => {
  for (let count = 1; count <= 50; count += 1) check(count, 1400, 760);
});

test('two_people_stand_beside_each_other_on_a_wide_stage_and_above_each_other_on_a_narrow_one', () => {
  expect(arrange(2, 1400, 700, GAP).columns).toBe(2);
  expect(arrange(2, 340, 600, GAP).columns).toBe(1);
});

test('a_crowd_on_a_phone_scrolls_rather_than_shrinks', () => {
  const { scrolls, columns, width } = arrange(40, 340, 560, GAP);
  expect(scrolls).toBe(true);
  expect(width).toBeGreaterThanOrEqual(100);
  expect(width * columns + GAP * (columns - 1)).toBeLessThanOrEqual(340);
});

test('a_stage_without_room_has_no_tiles', () => {
  expect(arrange(3, 0, 0, GAP)).toMatchObject({ width: 0, height: 0 });
  expect(arrange(0, 300, 300, GAP)).toMatchObject({ width: 0, height: 0 });
});
