/** The first word comes when something has taken a second, the next ones two seconds apart. */
const [firstMs, everyMs] = [1000, 2000]

/**
 * Passes to `say` what an operator is told while one step goes on, which may be minutes for millions of rows. To be called
 * as often as one likes: the text is made only when it is said.
 */
export function createPace(say: (text: string) => void, now = () => performance.now()): (tell: () => string) => void {
  let sayAt = now() + firstMs
  return (tell) => {
    if (now() < sayAt) return
    sayAt = now() + everyMs
    say(`  ${tell()}`)
  }
}
