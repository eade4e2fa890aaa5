import { useCallback, useEffect, useRef, useState } from 'react'

/** Closer to the end than this counts as reading the newest message. */
const nearBottomPx = 80

/**
 * Follows growing content while the reader is at its end, and leaves them alone as soon as they scroll up.
 * `viewportRef` goes to the scrolling element, `contentRef` to what grows inside it.
 */
export function useStickToBottom() {
  const viewportRef = useRef<HTMLDivElement>(null)
  const contentRef = useRef<HTMLDivElement>(null)
  const isFollowing = useRef(true)
  const [isAtBottom, setIsAtBottom] = useState(true)

  const scrollToBottom = useCallback(() => {
    isFollowing.current = true
    setIsAtBottom(true)
    const viewport = viewportRef.current
    if (viewport) viewport.scrollTop = viewport.scrollHeight
  }, [])

  useEffect(() => {
    const viewport = viewportRef.current
    const content = contentRef.current
    if (!viewport || !content) return
    let lastTop = viewport.scrollTop
    const onScroll = () => {
      const distance = viewport.scrollHeight - viewport.scrollTop - viewport.clientHeight
      // Content that grows also raises the distance: only a move upwards is the reader's wish.
      if (viewport.scrollTop < lastTop - 1 && distance > nearBottomPx) isFollowing.current = false
      if (distance <= nearBottomPx) isFollowing.current = true
      lastTop = viewport.scrollTop
      setIsAtBottom(isFollowing.current)
    }
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) viewport.scrollTop = viewport.scrollHeight
    })
    viewport.addEventListener('scroll', onScroll, { passive: true })
    observer.observe(content)
    observer.observe(viewport)
    return () => {
      viewport.removeEventListener('scroll', onScroll)
      observer.disconnect()
    }
  }, [])

  return { viewportRef, contentRef, isAtBottom, scrollToBottom }
}
