import { bilingual } from './bilingual.ts'

export const compareTexts = bilingual(
  {
    title: 'Compare',
    before: 'Before',
    after: 'After',
    swap: 'Swap',
    mode: 'View',
    slider: 'Slider',
    side: 'Side by side',
    split: 'Share of the image before',
    /** For screen readers, of both images. */
    stage: 'Two images. Plus and minus zoom both, 0 shows all of them, arrow keys move them.',
    openBefore: 'Open the image before',
    openAfter: 'Open the image after',
    same: 'Choose two different images to compare.',
  },
  {
    title: '对比',
    before: '之前',
    after: '之后',
    swap: '交换',
    mode: '视图',
    slider: '滑块',
    side: '并排',
    split: '“之前”图片所占比例',
    stage: '两张图片。加号和减号同时缩放，0 显示全图，方向键移动。',
    openBefore: '打开“之前”图片',
    openAfter: '打开“之后”图片',
    same: '请选择两张不同的图片进行对比。',
  },
)
