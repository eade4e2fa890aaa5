import { type CSSVariablesResolver, createTheme, type MantineColorsTuple, type MantineTheme, rem } from '@mantine/core'

const spruce: MantineColorsTuple = [
  '#edf8f3',
  '#d9efe5',
  '#b3dfcb',
  '#86caad',
  '#58b18f',
  '#359777',
  '#1d7f62',
  '#12694f',
  '#0d533f',
  '#083c2e',
]
const honey: MantineColorsTuple = [
  '#fff7e6',
  '#ffecc7',
  '#ffdd9b',
  '#ffcd6b',
  '#fbbb41',
  '#eda31f',
  '#cb8510',
  '#9d650a',
  '#744a0a',
  '#4f3206',
]
/** Warm instead of Mantine's blue greys, so that light pages look like paper. */
const gray: MantineColorsTuple = [
  '#f8f7f3',
  '#f1efe9',
  '#e6e3db',
  '#d8d5cb',
  '#c3bfb4',
  '#a09d93',
  '#7c7a72',
  '#5b5a54',
  '#3d3c38',
  '#232320',
]
const dark: MantineColorsTuple = [
  '#e6ebe8',
  '#c5cdc9',
  '#a5b0ab',
  '#75827c',
  '#3d4843',
  '#2e3834',
  '#212926',
  '#191f1d',
  '#121715',
  '#0c100e',
]

const sans =
  'ui-sans-serif, system-ui, -apple-system, "Segoe UI Variable Text", "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji"'

/** The `header` of a dialog is no landmark of the page. */
const dialogHeader = { header: { role: 'presentation' } }

export const theme = createTheme({
  primaryColor: 'spruce',
  primaryShade: { light: 7, dark: 6 },
  colors: { spruce, honey, gray, dark },
  black: '#1c221f',
  // Above this luminance our black reads better than white. It looks at the light scheme's shade alone, so the dark one must carry white too.
  autoContrast: true,
  luminanceThreshold: 0.2,
  fontFamily: sans,
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "Liberation Mono", monospace',
  headings: {
    fontFamily: sans,
    fontWeight: '650',
    textWrap: 'balance',
    sizes: {
      h1: { fontSize: 'clamp(1.6rem, 1.3rem + 1.2vw, 2.1rem)', lineHeight: '1.18' },
      h2: { fontSize: rem(23), lineHeight: '1.28' },
      h3: { fontSize: rem(18), lineHeight: '1.35' },
      h4: { fontSize: rem(16), lineHeight: '1.4' },
    },
  },
  defaultRadius: 'md',
  radius: { xs: rem(5), sm: rem(7), md: rem(10), lg: rem(16), xl: rem(26) },
  shadows: {
    xs: '0 1px 2px rgba(28, 34, 31, 0.06)',
    sm: '0 1px 2px rgba(28, 34, 31, 0.05), 0 4px 14px rgba(28, 34, 31, 0.05)',
    md: '0 2px 4px rgba(28, 34, 31, 0.05), 0 10px 30px rgba(28, 34, 31, 0.09)',
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Card: { defaultProps: { padding: 'lg', radius: 'lg', withBorder: true, shadow: 'xs' } },
    Paper: { defaultProps: { radius: 'lg' } },
    Modal: {
      defaultProps: {
        radius: 'lg',
        centered: true,
        overlayProps: { backgroundOpacity: 0.45, blur: 2 },
        attributes: dialogHeader,
      },
    },
    Drawer: { defaultProps: { attributes: dialogHeader } },
    Badge: { defaultProps: { variant: 'light', tt: 'none', fw: 600 } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300, events: { hover: true, focus: true, touch: false } } },
    ActionIcon: { defaultProps: { variant: 'subtle' } },
    Switch: { defaultProps: { withThumbIndicator: false } },
    Menu: { defaultProps: { shadow: 'md', radius: 'md' } },
    PasswordInput: {
      defaultProps: { visibilityToggleButtonProps: { 'aria-label': 'Show or hide the password', tabIndex: 0 } },
    },
  },
})

/** Mantine's own dimmed, placeholder, error and light-variant colours do not all reach 4.5:1; these do, on page and on cards. */
export const cssVariablesResolver: CSSVariablesResolver = (resolved: MantineTheme) => {
  const light: Record<string, string> = {
    '--mantine-color-body': '#ffffff',
    '--ax-page': resolved.colors.gray[0],
    '--ax-line': resolved.colors.gray[2],
    '--mantine-color-dimmed': '#595f5b',
    '--mantine-color-placeholder': '#6c716d',
    '--mantine-color-error': '#b42318',
    '--mantine-color-anchor': resolved.colors.spruce?.[7] ?? '',
    '--mantine-color-default-border': resolved.colors.gray[3],
  }
  const darkScheme: Record<string, string> = {
    '--mantine-color-body': resolved.colors.dark[7],
    '--ax-page': resolved.colors.dark[8],
    '--ax-line': resolved.colors.dark[5],
    '--mantine-color-text': resolved.colors.dark[0],
    '--mantine-color-dimmed': resolved.colors.dark[2],
    '--mantine-color-placeholder': '#8f9b95',
    '--mantine-color-error': '#ff9a8f',
    '--mantine-color-anchor': resolved.colors.spruce?.[3] ?? '',
    '--mantine-color-default-border': resolved.colors.dark[4],
  }
  for (const name of Object.keys(resolved.colors)) {
    light[`--mantine-color-${name}-light-color`] = `var(--mantine-color-${name}-9)`
    light[`--mantine-color-${name}-outline`] = `var(--mantine-color-${name}-8)`
    darkScheme[`--mantine-color-${name}-light-color`] = `var(--mantine-color-${name}-1)`
    // Mantine's own are darker than the cards they lie on and look like holes.
    darkScheme[`--mantine-color-${name}-light`] = `color-mix(in srgb, var(--mantine-color-${name}-5) 17%, transparent)`
    darkScheme[`--mantine-color-${name}-light-hover`] =
      `color-mix(in srgb, var(--mantine-color-${name}-5) 25%, transparent)`
    darkScheme[`--mantine-color-${name}-outline`] = `var(--mantine-color-${name}-3)`
  }
  light['--mantine-color-spruce-light'] = resolved.colors.spruce?.[0] ?? ''
  light['--mantine-color-spruce-light-hover'] = resolved.colors.spruce?.[1] ?? ''
  return { variables: {}, light, dark: darkScheme }
}
