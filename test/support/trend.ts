export interface Trend {
  /** How much `y` grows with each unit of `x`: the line with the least squares. */
  readonly slope: number;
  readonly mean: number;
}

/** NaN where there are not two different places. */
export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const mean = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - mean), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return { slope: covariance / variance, mean };
}
