// A small picture drawn up to the size of the whole one. Pure.

/**
 * `source` is `from` pixels a side smaller by 2 ** `halvings`; the answer has `rows` x `columns` pixels
 * in an array of the same type. Pixel k of the small picture lies on pixel k * 2 ** halvings of the
 * whole one (the low band of the 5/3 wavelet, ISO/IEC 15444-1 F.3), between them it is linear.
 */
export function enlarged(source, { rows, columns, halvings }) {
  const scale = 2 ** halvings;
  const width = Math.ceil(columns / scale);
  const height = Math.ceil(rows / scale);
  if (source.length !== width * height) {
    throw new Error("The small picture has another size.");
  }
  const wide = new Float32Array(columns * height);
  for (let y = 0; y < height; y += 1) {
    const from = y * width;
    const to = y * columns;
    for (let x = 0; x < columns; x += 1) {
      const left = Math.min(Math.floor(x / scale), width - 1);
      const right = Math.min(left + 1, width - 1);
      const part = x / scale - left;
      wide[to + x] = source[from + left] + part * (source[from + right] - source[from + left]);
    }
  }
  const whole = new source.constructor(rows * columns);
  for (let y = 0; y < rows; y += 1) {
    const above = Math.min(Math.floor(y / scale), height - 1);
    const below = Math.min(above + 1, height - 1);
    const part = y / scale - above;
    const [up, down, to] = [above * columns, below * columns, y * columns];
    for (let x = 0; x < columns; x += 1) {
      whole[to + x] = wide[up + x] + part * (wide[down + x] - wide[up + x]);
    }
  }
  return whole;
}
