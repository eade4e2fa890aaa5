import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CalculationError, calculate } from './calculate.ts'

const results: [expression: string, result: number][] = [
  ['1 + 2 * 3', 7],
  ['(1 + 2) * 3', 9],
  ['0.1 + 0.2', 0.3],
  ['0.1 + 0.2 - 0.3', 0],
  ['3 * 49.90', 149.7],
  ['10 / 4', 2.5],
  ['1 / 3', 0.333333333333],
  ['7 % 3', 1],
  ['mod(-7, 3)', -1],
  ['2 ^ 10', 1024],
  ['2 ** 10', 1024],
  ['2^3^2', 512],
  ['-2^2', -4],
  ['2^-1', 0.5],
  ['--3', 3],
  ['-(2 + 3)', -5],
  ['19% of 250', 47.5],
  ['250 + 19%', 297.5],
  ['250 - 20%', 200],
  ['80 * 25%', 20],
  ['50%', 0.5],
  ['10% + 5%', 0.15],
  ['100 + 10% + 10%', 121],
  ['sqrt(2)^2', 2],
  ['round(2.5)', 3],
  ['round(1.005, 2)', 1.01],
  ['round(-2.5)', -3],
  ['round(1234.5, -2)', 1200],
  ['min(3, 1, 2) + max(3, 1, 2)', 4],
  ['abs(-4) + floor(2.9) + ceil(2.1)', 9],
  ['ln(e) + log10(1000)', 4],
  ['sum(1.1, 2.2, 3.3)', 6.6],
  ['avg(1, 2, 6)', 3],
  ['6 × 7 ÷ 2 − 1', 20],
  ['1e3 + .5', 1000.5],
  ['2 * pi', 6.28318530718],
  ['123456789 * 1000', 123456789000],
]

const faults: [expression: string, message: RegExp][] = [
  ['', /empty/],
  ['1 / 0', /Division by zero/],
  ['5 % 0', /Division by zero/],
  ['1 / (2 - 2)', /Division by zero/],
  ['sqrt(-1)', /no real result/],
  ['ln(0)', /too large/],
  ['10^400', /too large/],
  ['1 +', /ends too early/],
  ['(1 + 2', /closing parenthesis/],
  ['1 + 2)', /Not expected here: "\)"/],
  ['2 (3)', /Write \* between/],
  ['2 3', /Write \* between/],
  ['1,5 + 2', /Not expected here: ","/],
  ['foo(1)', /Unknown name "foo"/],
  ['constructor', /Unknown name/],
  ['__proto__', /Not expected here/],
  ['process.exit()', /Unknown name "process"/],
  ['sqrt 4', /parentheses/],
  ['sqrt(1, 2)', /takes 1 values/],
  ['1.2.3', /Not expected/],
  ['2 & 3', /Not expected here: "&"/],
  ['('.repeat(200), /levels of parentheses/],
  [`2${'^2'.repeat(200)}`, /powers of powers/],
  ['1+'.repeat(400), /longer than 500/],
]

describe('the calculator', () => {
  test.each(results)('%s is %d', (expression, result) => {
    expect(calculate(expression)).toBe(result)
  })

  test.each(faults)('%s is refused clearly', (expression, message) => {
    expect(() => calculate(expression)).toThrow(CalculationError)
    expect(() => calculate(expression)).toThrow(message)
  })

  test('whole numbers are calculated as JavaScript does', () => {
    const int = fc.integer({ min: -1000, max: 1000 })
    fc.assert(
      fc.property(int, int, int, (a, b, c) => {
        expect(calculate(`${a} + ${b} * (${c} - ${a})`)).toBe(a + b * (c - a) || 0)
      }),
    )
  })

  test('sums of cents are exact', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -99_999, max: 99_999 }), { minLength: 1, maxLength: 30 }), (cents) => {
        const sum = cents.reduce((total, cent) => total + cent, 0)
        expect(calculate(`0 ${cents.map((cent) => `+ (${(cent / 100).toFixed(2)})`).join(' ')}`)).toBe(sum / 100 || 0)
      }),
    )
  })

  test('any text gives a number or a clear error, never anything else', () => {
    const piece = fc.constantFrom(
      '1',
      '2.5',
      '+',
      '-',
      '*',
      '/',
      '%',
      '^',
      '(',
      ')',
      ',',
      'sqrt',
      'min',
      'of',
      ' ',
      'e',
      '.',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
        ),
        (text) => {
          try {
            expect(Number.isFinite(calculate(text))).toBe(true)
          } catch (error) {
            expect(error).toBeInstanceOf(CalculationError)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
