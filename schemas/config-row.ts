import Type from 'typebox'

/** Which transports read a variable: `http` is neither read nor checked with `--stdio`. */
export type UsedBy = 'always' | 'http'

/** Subjects of variables, in the order in which the documentation has them. */
export const GROUPS = ['azure', 'server', 'auth', 'limits', 'images', 'library', 'logging', 'tracing'] as const
export type Group = (typeof GROUPS)[number]

/** Row builders for the variables of one subject that the same transports read. */
export function rowsFor(group: Group, usedBy: UsedBy) {
  const text = (description: string, example: string, options: object = {}) =>
    Type.String({ description, examples: [example], minLength: 1, maxLength: 2048, group, usedBy, ...options })

  return {
    text,

    /** A text with a default. */
    defaultText: (description: string, value: string, options: object = {}) =>
      text(description, value, { default: value, ...options }),

    secret: (description: string, example: string, options: object = {}) =>
      text(description, example, { writeOnly: true, ...options }),

    /** A whole number; the variable's name has its unit. */
    count: (description: string, value: number, minimum: number, maximum: number, isDefault = true) =>
      Type.Integer({
        description,
        examples: [value],
        group,
        usedBy,
        ...(isDefault ? { default: value } : {}),
        minimum,
        maximum,
      }),

    choice: <T extends string[]>(description: string, values: readonly [...T], value: T[number]) =>
      Type.Enum([...values], { description, examples: [value], group, usedBy, default: value }),

    /** One of fixed values, without a default. */
    optionalChoice: <T extends string[]>(description: string, values: readonly [...T], example: T[number]) =>
      Type.Enum([...values], { description, examples: [example], group, usedBy }),

    /** `true` or `false`; false by default. */
    flag: (description: string) => Type.Boolean({ description, examples: [true], group, usedBy, default: false }),
  }
}
