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

/** Terms of a query. A query of more words than this is answered by its first ones. */
const MAX_QUERY_TERMS = 16
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
  const words = text === undefined ? [] : termsOfQuery(text.slice(0, MAX_QUERY_LENGTH)).slice(0, MAX_QUERY_TERMS)
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

const fold = (text: string) => text.normalize('NFKC').toLowerCase().trim()

/** Letters and digits only, which no tokenizer splits. JSON keeps apart what UTF-8 does not: halves of surrogate pairs. */
function label(kind: 'owner' | 'model' | 'tag' | 'parent' | 'location', value: string): string {
  return kind + createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32)
}
