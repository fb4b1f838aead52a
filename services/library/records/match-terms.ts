import { createHash } from 'node:crypto'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import type { RecordQuery } from './record-index.ts'
import { type QueryTerm, termsOfQuery, termsOfText } from './search-terms.ts'

/**
 * A record as the terms of a full-text index. Owner, tags, model and parents are terms as well, so that an index answers
 * every combination by intersecting lists instead of reading records.
 */
export interface IndexedTerms {
  words: readonly string[]
  labels: readonly string[]
}

/** Words of a query that count, the first ones. Each makes an index read a list of images. */
const MAX_QUERY_TERMS = 8
/** Of them, beginnings of words that are so short that almost every image has them, which makes their lists long. */
const MAX_SHORT_TERMS = 3
const SHORT_LENGTH = 2
/** Characters of a query that are read. */
const MAX_QUERY_LENGTH = 10_000

export function termsOfRecord({ prompt, tags, location, isNamed, ...record }: ImageRecord): IndexedTerms {
  const text = [prompt ?? '', ...tags, isNamed ? location : ''].join(' ')
  return {
    words: termsOfText(text),
    labels: [
      label('owner', record.owner),
      ...(record.model === undefined ? [] : [label('model', fold(record.model))]),
      ...tags.map((tag) => label('tag', fold(tag))),
      ...record.parents.map((parent) => label('parent', parent)),
      ...(isNamed ? [label('location', fold(location))] : []),
    ],
  }
}

/** What a query requires; without any term every image matches. `isImpossible`: its text has no word that an image could have. */
export interface RequiredTerms {
  words: readonly QueryTerm[]
  labels: readonly string[]
  isImpossible: boolean
}

export function termsOfRecordQuery({ owner, text, tags = [], model, parent, location }: RecordQuery): RequiredTerms {
  const words = text === undefined ? [] : countingTerms(termsOfQuery(text.slice(0, MAX_QUERY_LENGTH)))
  return {
    words,
    labels: [
      ...(owner === undefined ? [] : [label('owner', owner)]),
      ...(model === undefined ? [] : [label('model', fold(model))]),
      ...tags.map((tag) => label('tag', fold(tag))),
      ...(parent === undefined ? [] : [label('parent', parent)]),
      ...(location === undefined ? [] : [label('location', fold(location))]),
    ],
    isImpossible: text !== undefined && words.length === 0,
  }
}

function countingTerms(terms: readonly QueryTerm[]): QueryTerm[] {
  const isShort = ({ term, isPrefix }: QueryTerm) => isPrefix && term.length <= SHORT_LENGTH
  const ignored = new Set(terms.filter(isShort).slice(MAX_SHORT_TERMS))
  return terms.filter((term) => !ignored.has(term)).slice(0, MAX_QUERY_TERMS)
}

const fold = (text: string) => text.normalize('NFKC').toLowerCase().trim()

/** Letters and digits only, which no tokenizer splits. JSON keeps apart what UTF-8 does not: halves of surrogate pairs. */
function label(kind: 'owner' | 'model' | 'tag' | 'parent' | 'location', value: string): string {
  return kind + createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32)
}
