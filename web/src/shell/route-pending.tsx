import { Box } from '@mantine/core'
import { LoadingState } from '../ui/loading-state.tsx'

export function RoutePending() {
  return (
    <Box maw={1080} mx="auto" w="100%">
      <LoadingState shape="text" label="Loading the page" />
    </Box>
  )
}
