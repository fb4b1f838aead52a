import { bilingual } from './bilingual.ts'

export const galleryTexts = bilingual(
  {
    title: 'Gallery',
    words: 'Words',
    wordsHint: 'Prompt, tag or file name',
    tag: 'Tag',
    model: 'Model',
    anyModel: 'Any model',
    clear: 'Clear search',
    images: 'Images',
    /** For screen readers, of the whole grid. */
    keys: 'Arrow keys move between images, Enter opens one.',
    older: 'Older images',
    newer: 'Newer images',
    empty: 'There are no images yet.',
    emptySession: 'There are no images of this session yet.',
    generate: 'Generate the first image',
    noMatch: 'No image matches.',
    found: (count: number, hasMore: boolean): string =>
      hasMore ? `${count} images, and there are more.` : count === 1 ? '1 image.' : `${count} images.`,
    noPrompt: 'Without a prompt',
  },
  {
    title: '图库',
    words: '关键词',
    wordsHint: '提示词、标签或文件名',
    tag: '标签',
    model: '模型',
    anyModel: '全部模型',
    clear: '清除搜索条件',
    images: '图片',
    keys: '用方向键在图片间移动，按回车键打开。',
    older: '更早的图片',
    newer: '更新的图片',
    empty: '还没有图片。',
    emptySession: '本次会话还没有图片。',
    generate: '生成第一张图片',
    noMatch: '没有匹配的图片。',
    found: (count, hasMore) => (hasMore ? `已显示 ${count} 张图片，还有更多。` : `共 ${count} 张图片。`),
    noPrompt: '无提示词',
  },
)
