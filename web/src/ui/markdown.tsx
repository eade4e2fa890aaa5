import type { ComponentProps } from 'react'
import ReactMarkdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'

/** Markdown that a model or a stranger wrote: no HTML, no address but http, https and mailto, and no image is fetched (its address could carry data away). */
export function Markdown({ children }: { children: string }) {
  return (
    <div className="ax-markdown">
      <ReactMarkdown remarkPlugins={plugins} components={components} urlTransform={safeUrl} skipHtml>
        {children}
      </ReactMarkdown>
    </div>
  )
}

const plugins = [remarkGfm]

function safeUrl(url: string): string {
  return /^(https?:\/\/|mailto:|#)/i.test(url) ? url : ''
}

const components: Components = {
  a: ({ href, children }) => <ExternalLink href={href}>{children}</ExternalLink>,
  img: ({ src, alt }) => (
    <ExternalLink href={typeof src === 'string' ? src : undefined}>{alt ? `Image: ${alt}` : 'Image'}</ExternalLink>
  ),
  table: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard (WCAG 2.1.1).
    // biome-ignore lint/a11y/useSemanticElements: a landmark for each table would crowd the page, and a fieldset is for controls.
    <div className="ax-table" tabIndex={0} role="group" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
}

function ExternalLink({ href, children }: ComponentProps<'a'>) {
  if (!href) return <span>{children}</span>
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  )
}
