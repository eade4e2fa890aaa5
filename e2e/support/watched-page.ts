import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'

export const desktop = { width: 1280, height: 860 }
export const phone = { width: 390, height: 844 }

const bothSchemes = ['dark', 'light'] as const
const screenshots = join(import.meta.dirname, '../screenshots')

export interface WatchedPage {
  page: Page
  context: BrowserContext
  /** Errors of the console and violations of the content security policy since the last look. */
  complaints: string[]
  /**
   * Looks at the page as it is, in these sizes, light and dark: a picture each (but on CI), no fault that axe finds, no complaint.
   * `isSeenInBothSizes`: another test looks at it in the other size, as `sizes` does where it has both.
   */
  look(name: string, sizes?: (typeof desktop)[], isSeenInBothSizes?: boolean): Promise<void>
}

/** On CI each size and each scheme is looked at, but not each pair of the two: that takes twice as long. */
function schemesFor(sizeName: 'phone' | 'desktop', isSeenInBothSizes: boolean) {
  if (!process.env.CI || !isSeenInBothSizes) return bothSchemes
  return sizeName === 'phone' ? (['dark'] as const) : (['light'] as const)
}

/** Those of axe's rules that ask for a colour, of all that are on: its checks `color-contrast` and `link-in-text-block`. */
const rulesOfColour = ['color-contrast', 'link-in-text-block']

const isAxeThere = () => 'axe' in window

/** Some colours fade into those of another scheme. What moves without end is no transition. */
async function waitForTransitions() {
  const transitions = document.getAnimations().filter((one) => one instanceof CSSTransition)
  // One that was cut off by another never finishes.
  await Promise.all(transitions.map((one) => one.finished.catch(() => {})))
}

// Of the axe-core that AxeBuilder came with.
const { source } = createRequire(import.meta.resolve('@axe-core/playwright'))('axe-core') as { source: string }

/** Of this test, with whose end it closes; one that failed leaves a last picture. */
export async function openWatchedPage(browser: Browser, url: string, size = desktop): Promise<WatchedPage> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: size,
    colorScheme: 'light',
    reducedMotion: 'reduce',
    hasTouch: size === phone,
    acceptDownloads: true,
  })
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // Pages of providers, where one signs in, are their own affair.
    if (message.type() === 'error' && page.url().startsWith(url)) complaints.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`))
  onTestFinished(async ({ task }) => {
    const path = join(screenshots, `failed-${Date.now()}.png`)
    if (task.result?.state === 'fail') await page.screenshot({ path, fullPage: true }).catch(() => {})
    await context.close()
  })
  await page.exposeFunction('complain', (text: string) => complaints.push(text))
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const { complain } = window as unknown as { complain(text: string): void }
      complain(`content security policy: ${event.violatedDirective} ${event.blockedURI}`)
    })
  })

  async function lookOnce(name: string, scheme: 'light' | 'dark', isOnlyRecoloured: boolean) {
    await page.emulateMedia({ colorScheme: scheme })
    await page.locator(`html[data-mantine-color-scheme="${scheme}"]`).waitFor()
    await page.evaluate(waitForTransitions)
    // On CI nobody looks at them, and tall pages take seconds.
    if (!process.env.CI)
      await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true, animations: 'disabled' })
    // AxeBuilder would send it twice for each look, and to compile it takes longer than to look.
    if (!(await page.evaluate(isAxeThere))) await page.evaluate(source)
    const axe = new AxeBuilder({ page, axeSource: 'void 0' })
    // What passed is thousands of elements that nobody reads.
    axe.setLegacyMode(true).options({ resultTypes: ['violations'] })
    if (isOnlyRecoloured) axe.withRules(rulesOfColour)
    const { violations } = await axe.analyze()
    const faults = violations.map(({ id, help, nodes }) => ({
      id,
      help,
      where: nodes.map(({ target, failureSummary }) => `${target.join(' ')} ${failureSummary}`),
    }))
    expect(faults, `axe on ${name}`).toEqual([])
  }

  return {
    page,
    context,
    complaints,
    async look(name, sizes = [size], isSeenInBothSizes = sizes.length > 1) {
      await mkdir(screenshots, { recursive: true })
      // What the last click left under the pointer would show its tooltip, sometimes half faded in.
      await page.mouse.move(0, 0)
      await page.getByRole('tooltip').first().waitFor({ state: 'detached' })
      for (const present of sizes) {
        await page.setViewportSize(present)
        const sizeName = present.width < 600 ? 'phone' : 'desktop'
        // The other scheme is the same page, in the same size, in other colours.
        for (const [at, scheme] of schemesFor(sizeName, isSeenInBothSizes).entries())
          await lookOnce(`${name}-${sizeName}-${scheme}`, scheme, at > 0)
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
        expect(overflow, `${name} is not wider than the ${sizeName}`).toBeLessThanOrEqual(0)
      }
      await page.setViewportSize(size)
      expect(complaints, `complaints of the browser on ${name}`).toEqual([])
    },
  }
}
