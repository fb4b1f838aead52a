import { bilingual } from './bilingual.ts'

export const historyTexts = bilingual(
  {
    title: 'History',
    versions: 'Versions, the first on top',
    current: 'This image',
    missing: 'Deleted, or of someone else',
    generation: (level: number) => `Generation ${level}`,
    beforeComposite: "The model's own image, before what is outside of the mask was restored",
    referenceOnly: 'Used as a reference',
    otherSource: 'Other source',
    choose: 'Compare',
    /** For screen readers. */
    chooseLabel: (name: string) => `Compare: ${name}`,
    compare: 'Compare the two chosen versions',
    chosen: (count: number): string =>
      count === 1 ? 'Choose one more version to compare.' : 'Choose two versions to compare.',
    earlier: 'Earlier versions',
    more: 'More',
    /** For screen readers. */
    moreLabel: (name: string) => `More images that were generated from: ${name}`,
    full: (count: number) => `Only the ${count} nearest versions are shown.`,
    ancestorsOnly: 'This service lists no images, so that only earlier versions are shown.',
    single: 'There are no other versions of this image.',
  },
  {
    title: '历史',
    versions: '各版本，最早的在最上面',
    current: '当前图片',
    missing: '已删除，或属于其他用户',
    generation: (level) => `第 ${level} 代`,
    beforeComposite: '模型的原始输出（恢复蒙版外内容之前）',
    referenceOnly: '用作参考图',
    otherSource: '其他来源',
    choose: '对比',
    chooseLabel: (name) => `对比：${name}`,
    compare: '对比选中的两个版本',
    chosen: (count) => (count === 1 ? '请再选择一个版本进行对比。' : '请选择两个版本进行对比。'),
    earlier: '更早的版本',
    more: '更多',
    moreLabel: (name) => `更多由该图片生成的图片：${name}`,
    full: (count) => `只显示最近的 ${count} 个版本。`,
    ancestorsOnly: '该服务不列出图片，因此只显示更早的版本。',
    single: '该图片没有其他版本。',
  },
)
