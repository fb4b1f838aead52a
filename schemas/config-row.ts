import Type from 'typebox'

/** Which transports read a variable. */
export type UsedBy = 'always' | 'http'

/** Makes rows that say by which transports they are used. */
export function rowsFor(usedBy: UsedBy) {
  const text = (description: string, example: string, options: object = {}) =>
    Type.String({ description, examples: [example], minLength: 1, maxLength: 2048, usedBy, ...options })

  return {
    text,

    secret: (description: string, example: string, options: object = {}) =>
      text(description, example, { writeOnly: true, ...options }),

    /** A whole number; its unit stands in the variable's name. */
    count: (description: string, value: number, minimum: number, maximum: number, isDefault = true) =>
      Type.Integer({
        description,
        examples: [value],
        usedBy,
        ...(isDefault ? { default: value } : {}),
        minimum,
        maximum,
      }),

    choice: <T extends string[]>(description: string, values: readonly [...T], value: T[number]) =>
      Type.Enum([...values], { description, examples: [value], usedBy, default: value }),

    flag: (description: string, value: boolean) =>
      Type.Boolean({ description, examples: [true], usedBy, default: value }),
  }
}
