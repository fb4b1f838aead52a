import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { InvalidCursorError, type RecordIndex, type RecordQuery } from '../../services/library/records/record-index.ts'
import { imageRecord, RECORDS_START } from './image-records.ts'

const START = RECORDS_START
const record = imageRecord

/** What every index of records does. @param open an empty one, which the test disposes */
export function describeRecordIndex(name: string, open: () => Promise<RecordIndex>): void {
  describe(`the ${name} index of records`, () => {
    const promptsOf = async (index: RecordIndex, query: Partial<RecordQuery>) =>
      (await index.find({ limit: 50, ...query })).records.map(({ prompt }) => prompt)

    test('lists newest first, page by page, each image once', async () => {
      await using index = await open()
      const records = Array.from({ length: 25 }, (_, second) => record(second))
      await index.put(records.toSorted(() => Math.random() - 0.5))
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await index.find({ limit: 10, cursor })
        seen.push(...page.records.map(({ id }) => id))
        cursor = page.nextCursor
      } while (cursor !== undefined)
      assert.deepEqual(seen, records.map(({ id }) => id).toReversed())
    })

    test('images of the same millisecond are all listed', async () => {
      await using index = await open()
      await index.put(Array.from({ length: 300 }, () => record(1)))
      const ids = new Set<string>()
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const page = await index.find({ limit: 50, cursor })
        for (const { id } of page.records) ids.add(id)
        cursor = page.nextCursor
      }
      assert.equal(ids.size, 300)
    })

    test('finds words in any order, in any case, at the beginning of longer words, with or without accents', async () => {
      await using index = await open()
      await index.put([
        record(1, { prompt: 'Two red FOXES at a café' }),
        record(2, { prompt: 'a blue boat' }),
        record(3, { prompt: 'infrared sensor' }),
      ])
      assert.deepEqual(await promptsOf(index, { text: 'fox red' }), ['Two red FOXES at a café'])
      assert.deepEqual(await promptsOf(index, { text: 'Cafe' }), ['Two red FOXES at a café'])
      assert.deepEqual(await promptsOf(index, { text: 'red boat' }), [])
      assert.deepEqual(await promptsOf(index, { text: '"red" OR (boat* NEAR' }), [])
      assert.deepEqual(await promptsOf(index, { text: '?!' }), [])
    })

    test('finds parts of text that is written without spaces', async () => {
      await using index = await open()
      await index.put([
        record(1, { prompt: '雪地里的红狐狸，水彩风格' }),
        record(2, { prompt: '城市夜景3D风格' }),
        record(3, { prompt: 'きつねの絵' }),
      ])
      assert.deepEqual(await promptsOf(index, { text: '狐狸' }), ['雪地里的红狐狸，水彩风格'])
      assert.deepEqual(await promptsOf(index, { text: '狸' }), ['雪地里的红狐狸，水彩风格'])
      assert.deepEqual(await promptsOf(index, { text: '红' }), ['雪地里的红狐狸，水彩风格'])
      assert.deepEqual(await promptsOf(index, { text: '风格 3d' }), ['城市夜景3D风格'])
      assert.deepEqual(await promptsOf(index, { text: 'きつね' }), ['きつねの絵'])
      assert.deepEqual(await promptsOf(index, { text: '狸红' }), [])
    })

    test('no query fails or takes long, whatever is in it', async () => {
      await using index = await open()
      const hostile = [
        '"',
        "'",
        '\\',
        '(',
        ')',
        '*',
        ':*',
        '& | !',
        '<->',
        'NOT',
        'a AND',
        'NEAR(a, 5)',
        'words : x',
        '-- ;',
        '%_',
        '$1',
        '\0',
        'a\0b',
        '\ud800',
        '\udfff\ud800',
        '\u202eabc',
        '🦊🦊',
        '👩‍👩‍👧',
        '',
        ' ',
        '\n',
        '\u0300'.repeat(500),
        '𰀀𱍐',
        'ǅ',
        'ﬁ',
        'İ',
        'ß',
        'שלום עולם',
        'नमस्ते',
        'x'.repeat(100_000),
        '红'.repeat(100_000),
        'a b c d e f g h i j k l m n o p q r s t u v w x y z',
        Array.from({ length: 10_000 }, (_, at) => `w${at}`).join(' '),
      ]
      await index.put(
        hostile.map((text, second) => record(second, { prompt: `fox ${text}`, owner: `o${text}`.slice(0, 500) })),
      )
      for (const text of hostile) {
        const start = performance.now()
        await index.find({ text, limit: 5 })
        await index.find({ owner: text, model: text, tags: [text], parent: text, location: text, limit: 5 })
        assert.ok(performance.now() - start < 20_000, JSON.stringify(text.slice(0, 20)))
        assert.equal(await index.get(text), undefined)
        assert.equal(await index.remove(text), false)
        const mine = await index.find({ owner: `o${text}`.slice(0, 500), limit: 5 })
        assert.equal(mine.records.length, 1, JSON.stringify(text.slice(0, 20)))
      }
      assert.deepEqual(await index.missing(hostile), hostile)
      assert.equal((await index.find({ text: 'fox', limit: 100 })).records.length, hostile.length)
      const owners = (await index.unnamedBytes()).map(({ owner }) => owner)
      assert.equal(new Set(owners).size, hostile.length)
      for (const owner of owners) assert.equal((await index.oldestUnnamed({ owner, limit: 5 })).records.length, 1)
    })

    test('letters that an index would not know or would fold are found as they are', async () => {
      await using index = await open()
      const texts = ['𱍐𰀀', 'ǅungla', 'straße', 'İstanbul', 'नमस्ते', 'שלום', 'ﬁre', '３Ｄ', 'Ωmega']
      await index.put(texts.map((prompt, second) => record(second, { prompt })))
      for (const text of texts) assert.deepEqual(await promptsOf(index, { text }), [text])
    })

    test('finds what is common, rare, or never together among thousands, and only in the time that is asked for', async () => {
      await using index = await open()
      const records = Array.from({ length: 3000 }, (_, second) =>
        record(second, {
          prompt: `photo ${second % 2 === 0 ? 'even' : 'odd'} n${second}`,
          owner: second < 3 ? 'bob' : 'ann',
        }),
      )
      await index.put(records)
      await index.optimize()
      assert.equal((await promptsOf(index, { text: 'photo even' })).length, 50)
      assert.deepEqual(await promptsOf(index, { text: 'even odd' }), [])
      assert.deepEqual(await promptsOf(index, { text: 'photo n2999 odd' }), ['photo odd n2999'])
      assert.deepEqual(await promptsOf(index, { text: 'photo', owner: 'bob' }), [
        'photo even n2',
        'photo odd n1',
        'photo even n0',
      ])
      assert.deepEqual(await promptsOf(index, { text: 'p o n', owner: 'bob' }), ['photo odd n1'])
      assert.deepEqual(await promptsOf(index, { text: 'odd', until: START + 4000 }), ['photo odd n3', 'photo odd n1'])
      const seen: string[] = []
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const page = await index.find({ text: 'even photo', limit: 200, cursor })
        seen.push(...page.records.map(({ id }) => id))
        cursor = page.nextCursor
      }
      assert.deepEqual(
        seen,
        records
          .filter((_, at) => at % 2 === 0)
          .map(({ id }) => id)
          .toReversed(),
      )
    })

    test('combines owner, tags, model, parent and time', async () => {
      await using index = await open()
      const parent = record(0)
      await index.put([
        parent,
        record(1, { prompt: 'one', owner: 'bob', tags: ['Logo'] }),
        record(2, { prompt: 'two', tags: ['logo', 'draft'], model: 'gpt-image-2' }),
        record(3, { prompt: 'three', tags: ['logo'], parents: [parent.id] }),
      ])
      assert.deepEqual(await promptsOf(index, { tags: ['logo'], owner: 'ann' }), ['three', 'two'])
      assert.deepEqual(await promptsOf(index, { tags: ['LOGO', 'draft'] }), ['two'])
      assert.deepEqual(await promptsOf(index, { model: 'GPT-image-2' }), ['two'])
      assert.deepEqual(await promptsOf(index, { parent: parent.id }), ['three'])
      assert.deepEqual(await promptsOf(index, { since: START + 1000, until: START + 3000 }), ['two', 'one'])
      assert.deepEqual(await promptsOf(index, { since: START + 1000, until: START + 3000, owner: 'bob' }), ['one'])
    })

    test('a replaced record keeps its place, a removed one is not found', async () => {
      await using index = await open()
      const [one, two] = [record(1, { prompt: 'one' }), record(2, { prompt: 'two' })]
      await index.put([one, two])
      await index.put([{ ...one, prompt: 'eins' }])
      assert.deepEqual(await promptsOf(index, {}), ['two', 'eins'])
      assert.deepEqual(await promptsOf(index, { text: 'one' }), [])
      assert.equal(await index.remove(one.id), true)
      assert.equal(await index.remove(one.id), false)
      assert.deepEqual(await promptsOf(index, { text: 'eins' }), [])
      assert.equal(await index.get(one.id), undefined)
      assert.deepEqual(await index.get(two.id), two)
    })

    test('an image that has got a name is not removed as an unnamed one', async () => {
      await using index = await open()
      const [unnamed, named] = [record(1), record(2)]
      await index.put([unnamed, named])
      await index.put([{ ...named, isNamed: true, location: 'fox.png' }])
      assert.equal(await index.removeUnnamed(unnamed.id), true)
      assert.equal(await index.removeUnnamed(named.id), false)
      assert.equal(await index.removeUnnamed('no id'), false)
      assert.deepEqual(await promptsOf(index, { location: 'fox.png' }), [named.prompt])
    })

    test('rejects a cursor that no page returned', async () => {
      await using index = await open()
      await assert.rejects(index.find({ limit: 1, cursor: 'x y' }), InvalidCursorError)
    })

    test('sums the bytes of unnamed images by owner and lists the oldest', async () => {
      await using index = await open()
      const mine = [record(1), record(2), record(3, { isNamed: true })]
      await index.put([...mine, record(4, { owner: 'bob', bytes: 5000 })])
      assert.deepEqual(await index.unnamedBytes(), [
        { owner: 'bob', bytes: 5000 },
        { owner: 'ann', bytes: 2000 },
      ])
      assert.deepEqual((await index.oldestUnnamed({ owner: 'ann', limit: 1 })).records, mine.slice(0, 1))
      assert.deepEqual((await index.oldestUnnamed({ before: START + 2000, limit: 10 })).records, mine.slice(0, 1))
    })
  })
}
