import Type, { type Static } from 'typebox'

/** The file that `POLICY_FILE` names. The descriptions are what messages about mistakes say. */

const closed = { additionalProperties: false }
const MAX_RULES = 200
const MAX_ENTRIES = 1000
const name = {
  pattern: '^[\\w.-]{1,64}$',
  description: '1 to 64 letters, digits, dots, dashes and underscores',
}
const texts = (maxLength: number) =>
  Type.Array(Type.String({ minLength: 1, maxLength }), { minItems: 1, maxItems: MAX_ENTRIES })
const usd = Type.Number({
  minimum: 0,
  maximum: 1_000_000_000,
  description: 'US dollars, a number from 0 to 1000000000',
})

const PolicyRuleSchema = Type.Object(
  {
    /** For messages and metrics; `rule-1` for the first one by default. */
    name: Type.Optional(Type.String(name)),
    /** Names of keys and subjects of tokens in which `*` stands for any text; `anonymous`: clients without credentials. Absent: all. */
    callers: Type.Optional(texts(256)),
    /** Deployments or models that may be called, by name. */
    models: Type.Optional(texts(64)),
    /** Width times height of an image. */
    max_pixels: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
    /** Qualities that may be requested, of models that have qualities. */
    qualities: Type.Optional(texts(200)),
    /** Images of one call. */
    max_n: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
    /** Of all callers of the rule together, as the next two; days and months are those of UTC. */
    images_per_day: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
    usd_per_day: Type.Optional(usd),
    usd_per_month: Type.Optional(usd),
    /** A call whose list price is higher has to be confirmed. */
    confirm_above_usd: Type.Optional(usd),
    /** What an image counts whose price is unknown. */
    price_unknown_usd: Type.Optional(usd),
  },
  closed,
)
export type PolicyRule = Static<typeof PolicyRuleSchema>

export const PolicyFileSchema = Type.Object(
  {
    /** `observe`: what would be rejected is logged and counted, and nothing is rejected. */
    mode: Type.Optional(Type.Enum(['enforce', 'observe'])),
    rules: Type.Array(PolicyRuleSchema, { maxItems: MAX_RULES }),
  },
  closed,
)
