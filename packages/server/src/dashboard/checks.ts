/** Whether a value that a page sent is what it should be. */
export type FieldTest = (value: unknown) => boolean;

export const textUpTo =
  (most: number): FieldTest =>
  (value) =>
    typeof value === "string" && value.length <= most;

export const filledUpTo =
  (most: number): FieldTest =>
  (value) =>
    value !== "" && textUpTo(most)(value);

export const wholeUpTo =
  (most: number): FieldTest =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;

export const optional =
  (check: FieldTest): FieldTest =>
  (value) =>
    value === undefined || check(value);
