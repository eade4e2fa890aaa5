/** What is wrong with an expression, in words a person or a model can act on. */
export class CalculationError extends Error {}

const maxLength = 500
const maxDepth = 50

const functions: Record<string, { arity: [min: number, max: number]; apply: (...values: number[]) => number }> = {
  sqrt: { arity: [1, 1], apply: Math.sqrt },
  abs: { arity: [1, 1], apply: Math.abs },
  floor: { arity: [1, 1], apply: Math.floor },
  ceil: { arity: [1, 1], apply: Math.ceil },
  round: { arity: [1, 2], apply: roundTo },
  ln: { arity: [1, 1], apply: Math.log },
  log10: { arity: [1, 1], apply: Math.log10 },
  min: { arity: [1, 100], apply: Math.min },
  max: { arity: [1, 100], apply: Math.max },
  sum: { arity: [1, 100], apply: (...values) => values.reduce(add) },
  avg: { arity: [1, 100], apply: (...values) => values.reduce(add) / values.length },
  mod: { arity: [2, 2], apply: (a, b) => a % b },
}
const constants: Record<string, number> = { pi: Math.PI, e: Math.E }

/** A value, and whether it was written as a percentage: `250 + 19%` means 19 % of 250 more. */
interface Value {
  number: number
  isPercent: boolean
}

/**
 * Calculates `+ - * / % ^`, parentheses and the functions above, without ever running text as code. Percentages: `19% of 250` is
 * 47.5, `250 + 19%` is 297.5, `19%` alone is 0.19; between two values `%` is the remainder. The result has 12 significant digits.
 */
export function calculate(expression: string): number {
  if (expression.length > maxLength)
    throw new CalculationError(`The expression is longer than ${maxLength} characters.`)
  const parser = new Parser(readTokens(expression))
  const { number } = parser.readSum(0)
  parser.expectEnd()
  return checked(roundDigits(number, 12))
}

function readTokens(expression: string): string[] {
  const text = expression
    .replace(/[×·∙]/g, '*')
    .replace(/[÷:]/g, '/')
    .replace(/[−–]/g, '-')
    .replaceAll('**', '^')
    .toLowerCase()
  const tokens = text.match(/\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])|\.\d+(?![\w.])|[a-z]+\d*|[-+*/%^(),]|\S/g) ?? []
  if (tokens.length === 0) throw new CalculationError('The expression is empty. Write something like (2 + 3) * 4.')
  return tokens
}

const startsValue = (token: string | undefined) =>
  token !== undefined && (/^[\d.(]/.test(token) || (token !== 'of' && /^[a-z]/.test(token)))

class Parser {
  readonly #tokens: string[]
  #at = 0

  constructor(tokens: string[]) {
    this.#tokens = tokens
  }

  expectEnd() {
    const rest = this.#tokens[this.#at]
    if (rest === undefined) return
    const hint = startsValue(rest) ? ' Write * between two values.' : ''
    throw new CalculationError(`Not expected here: "${rest.slice(0, 20)}".${hint}`)
  }

  readSum(depth: number): Value {
    if (depth > maxDepth) throw new CalculationError(`More than ${maxDepth} levels of parentheses.`)
    let left = this.#readProduct(depth)
    for (let sign = this.#take('+', '-'); sign; sign = this.#take('+', '-')) {
      const right = this.#readProduct(depth)
      const amount = right.isPercent && !left.isPercent ? multiply(left.number, right.number) : right.number
      left = {
        number: checked(add(left.number, sign === '-' ? -amount : amount)),
        isPercent: left.isPercent && right.isPercent,
      }
    }
    return left
  }

  #readProduct(depth: number): Value {
    let left = this.#readSigned(depth)
    for (let operator = this.#takeFactor(); operator; operator = this.#takeFactor()) {
      const right = this.#readSigned(depth)
      if (operator !== '*' && operator !== 'of' && right.number === 0) throw new CalculationError('Division by zero.')
      const number =
        operator === '/'
          ? left.number / right.number
          : operator === '%'
            ? left.number % right.number
            : multiply(left.number, right.number)
      left = { number: checked(roundDigits(number, 15)), isPercent: false }
    }
    return left
  }

  #takeFactor(): string | undefined {
    // After a value, `%` is the remainder only if another value follows: `250 % 7`, but `10% + 5`.
    if (this.#tokens[this.#at] === '%' && !startsValue(this.#tokens[this.#at + 1])) return undefined
    return this.#take('*', '/', '%', 'of')
  }

  #readSigned(depth: number): Value {
    let isNegative = false
    for (let sign = this.#take('+', '-'); sign; sign = this.#take('+', '-')) isNegative = isNegative !== (sign === '-')
    const value = this.#readPower(depth)
    return isNegative ? { ...value, number: -value.number } : value
  }

  #readPower(depth: number): Value {
    const base = this.#readPercent(depth)
    if (!this.#take('^')) return base
    if (depth >= maxDepth) throw new CalculationError(`More than ${maxDepth} powers of powers.`)
    const sign = this.#take('-', '+') === '-' ? -1 : 1
    // To the right first: 2^3^2 is 2^9.
    const exponent = sign * this.#readPower(depth + 1).number
    return { number: checked(roundDigits(base.number ** exponent, 15)), isPercent: false }
  }

  #readPercent(depth: number): Value {
    const number = this.#readValue(depth)
    const isPercent = this.#tokens[this.#at] === '%' && !startsValue(this.#tokens[this.#at + 1])
    if (!isPercent) return { number, isPercent: false }
    this.#at++
    return { number: roundDigits(number / 100, 15), isPercent: true }
  }

  #readValue(depth: number): number {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new CalculationError('The expression ends too early.')
    if (token === '(') {
      const { number } = this.readSum(depth + 1)
      this.#close()
      return number
    }
    if (/^[\d.]/.test(token) && token !== '.') return checked(Number(token))
    if (Object.hasOwn(constants, token)) return constants[token] ?? 0
    if (Object.hasOwn(functions, token)) return this.#readCall(token, depth)
    throw new CalculationError(
      /^[a-z]/.test(token)
        ? `Unknown name "${token.slice(0, 20)}". Known: ${[...Object.keys(functions), ...Object.keys(constants)].join(', ')}.`
        : `Not expected here: "${token.slice(0, 20)}".`,
    )
  }

  #readCall(name: string, depth: number): number {
    if (!this.#take('(')) throw new CalculationError(`Write ${name}(...) with parentheses.`)
    const values = [this.readSum(depth + 1).number]
    while (this.#take(',')) values.push(this.readSum(depth + 1).number)
    this.#close()
    const known = functions[name]
    const [min, max] = known?.arity ?? [0, 0]
    if (values.length < min || values.length > max) {
      throw new CalculationError(
        `${name} takes ${min === max ? min : `${min} to ${max}`} values, not ${values.length}.`,
      )
    }
    return checked(roundDigits(known?.apply(...values) ?? Number.NaN, 15))
  }

  #close() {
    if (!this.#take(')')) throw new CalculationError('A closing parenthesis is missing.')
  }

  #take(...wanted: string[]): string | undefined {
    const token = this.#tokens[this.#at]
    if (token === undefined || !wanted.includes(token)) return undefined
    this.#at++
    return token
  }
}

// Binary fractions leave 0.1 + 0.2 = 0.30000000000000004; 15 digits are what a double holds for sure.
function roundDigits(value: number, digits: number): number {
  return Number.isFinite(value) && !Number.isSafeInteger(value) ? Number(value.toPrecision(digits)) : value
}

function add(a: number, b: number): number {
  return roundDigits(a + b, 15)
}

function multiply(a: number, b: number): number {
  return roundDigits(a * b, 15)
}

function roundTo(value: number, places = 0): number {
  if (!Number.isInteger(places) || Math.abs(places) > 15) throw new CalculationError('round takes 0 to 15 places.')
  // By the decimal text, so that 1.005 becomes 1.01; half away from zero, as in shops.
  const whole = Math.round(movePoint(Math.abs(value), places))
  return Math.sign(value) * movePoint(whole, -places)
}

function movePoint(value: number, places: number): number {
  const [digits, exponent] = value.toExponential(14).split('e')
  return Number(`${digits}e${Number(exponent) + places}`)
}

function checked(value: number): number {
  if (Number.isNaN(value)) throw new CalculationError('This has no real result.')
  if (!Number.isFinite(value)) throw new CalculationError('The result is too large.')
  return value === 0 ? 0 : value
}
