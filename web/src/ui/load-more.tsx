import { Button, Center } from '@mantine/core'

interface LoadMoreProps {
  hasMore: boolean
  isLoading: boolean
  onLoad: () => unknown
}

/** The way to the next page of a list. */
export function LoadMore({ hasMore, isLoading, onLoad }: LoadMoreProps) {
  if (!hasMore) return null
  return (
    <Center>
      <Button variant="default" onClick={() => onLoad()} loading={isLoading}>
        Show more
      </Button>
    </Center>
  )
}
