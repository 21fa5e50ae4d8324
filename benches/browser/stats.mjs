// Medians and ranges, and how they are written.

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `median (least to largest)`. */
export function spread(numbers, digits) {
  const [least, largest] = [Math.min(...numbers), Math.max(...numbers)];
  return `${median(numbers).toFixed(digits)} (${least.toFixed(digits)} to ${largest.toFixed(digits)})`;
}

/** The median over the other's median; the range is that of single rounds. */
export function ratio(numbers, others) {
  const rounds = numbers.map((number, round) => number / others[round]);
  const [least, largest] = [Math.min(...rounds), Math.max(...rounds)];
  return `${(median(numbers) / median(others)).toFixed(2)} (${least.toFixed(2)} to ${largest.toFixed(2)})`;
}
