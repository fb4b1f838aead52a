import { member, textOf } from './fields.ts'

/** Inside a normalized code, since the services before and behind Azure vary it: `image_content_policy_violation`. */
const FILTER_CODE =
  /content(filter|policyviolation|safetyviolation|moderated)|responsibleaipolicyviolation|moderationblocked|requestmoderated/
const FILTER_TEXT = /safety system|content (management )?policy|usage policy|content filter|content safety/i

/** @param codes normalized, see `AzureFault` */
export function hasFilterCode(codes: readonly string[]): boolean {
  return codes.some((code) => FILTER_CODE.test(code))
}

/** Whether an error comes from the content filter, by any of its codes, texts or results. */
export function isContentFiltered(fault: {
  codes: readonly string[]
  message: string
  categories: readonly string[]
}): boolean {
  return hasFilterCode(fault.codes) || FILTER_TEXT.test(fault.message) || fault.categories.length > 0
}

const knownCategories = ['hate', 'sexual', 'violence', 'self_harm', 'jailbreak', 'profanity', 'protected_material']

/**
 * The content filter categories that were hit, from results of any known shape: by name, in a list, nested.
 * https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter
 * Limited to known categories, since the names are returned to the client.
 */
export function hitCategories(results: unknown, message = ''): string[] {
  const listed = /safety_violations=\[([^\]]*)\]/.exec(message)?.[1]?.split(/[,\s]+/) ?? []
  const all = [...hitNames(results), ...listed].map((name) => name.toLowerCase().replaceAll('-', '_'))
  return knownCategories.filter((category) => all.some((name) => name.startsWith(category)))
}

/** Deeper than Azure nests results. */
const MAX_RESULT_DEPTH = 6

function hitNames(results: unknown, depth = 0): string[] {
  if (typeof results !== 'object' || results === null || depth === MAX_RESULT_DEPTH) return []
  return Object.entries(results).flatMap(([name, verdict]) => {
    if (!isHit(verdict)) return hitNames(verdict, depth + 1)
    return [Array.isArray(results) ? textOf(member(verdict, 'category', 'name', 'type', 'id')) : name]
  })
}

function isHit(verdict: unknown): boolean {
  return member(verdict, 'filtered') === true || member(verdict, 'detected') === true
}
