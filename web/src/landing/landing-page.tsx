import { Badge, Box, Card, Center, Group, SimpleGrid, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { IconDatabase, IconForms, IconLayoutGrid, IconMessage2Check } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { AgentCard } from '../agents/agent-card.tsx'
import { agentsQuery } from '../agents/agent-queries.ts'
import { BillingSwitch } from '../plans/billing-switch.tsx'
import { PlanCards } from '../plans/plan-cards.tsx'
import type { BillingInterval } from '../plans/plan-price.ts'
import { plansQuery } from '../plans/plan-queries.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink, TextLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { usePageTitle } from '../ui/page-title.tsx'

const steps = [
  {
    icon: IconLayoutGrid,
    title: 'Pick an agent',
    text: 'Customer service, social media, sales, research: ready-made and tried.',
  },
  {
    icon: IconForms,
    title: 'Fill in a form',
    text: 'Plain questions about your work. One click fills in an example to start from.',
  },
  {
    icon: IconMessage2Check,
    title: 'Ask, and put it to work',
    text: 'Talk to it here or call it from your own program. Every answer shows where it comes from.',
  },
]

export function LandingPage() {
  usePageTitle('AgentExpress')
  return (
    <Box maw={1080} mx="auto">
      <Stack gap={72}>
        <Hero />
        <Steps />
        <CataloguePreview />
        <Prices />
        <Footer />
      </Stack>
    </Box>
  )
}

function Hero() {
  return (
    <Stack align="center" ta="center" gap="lg" pt={{ base: 'md', sm: 56 }}>
      <Badge size="lg" variant="light" leftSection={<IconDatabase size={15} aria-hidden />}>
        Your data stays in your own PostgreSQL
      </Badge>
      <Title order={1} fz="clamp(2.1rem, 1.2rem + 3.6vw, 3.5rem)" lh={1.08} maw={800} tabIndex={-1}>
        Agents that do your work, without code or prompts
      </Title>
      <Text fz={{ base: 'md', sm: 'lg' }} c="dimmed" maw={620}>
        Pick a ready-made agent, tell it about your business in a form, and ask. The first answer is two minutes away.
      </Text>
      <Group mt="xs" justify="center">
        <ButtonLink to="/sign-up" size="lg">
          Start now
        </ButtonLink>
        <ButtonLink to="/agents" size="lg" variant="default">
          See the catalogue
        </ButtonLink>
      </Group>
    </Stack>
  )
}

function Steps() {
  return (
    <section aria-labelledby="steps">
      <Title order={2} id="steps" className="ax-visually-hidden">
        How it works
      </Title>
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="lg" component="ol" p={0} m={0} style={{ listStyle: 'none' }}>
        {steps.map(({ icon: IconShape, title, text }, index) => (
          <Card key={title} component="li">
            <Group justify="space-between" mb="md">
              <ThemeIcon size={46} radius="md" variant="light" aria-hidden>
                <IconShape size={26} stroke={1.6} />
              </ThemeIcon>
              <Text fw={700} fz={26} c="dimmed" aria-hidden opacity={0.55}>
                {index + 1}
              </Text>
            </Group>
            <Title order={3}>{title}</Title>
            <Text size="sm" c="dimmed" mt={6}>
              {text}
            </Text>
          </Card>
        ))}
      </SimpleGrid>
    </section>
  )
}

function CataloguePreview() {
  const query = useInfiniteQuery(agentsQuery({}, 6))
  const agents = query.data?.pages[0]?.data ?? []
  if (query.isSuccess && agents.length === 0) return null
  return (
    <section aria-labelledby="catalogue">
      <Group justify="space-between" mb="lg" align="flex-end">
        <Title order={2} id="catalogue">
          Ready to set up
        </Title>
        <TextLink to="/agents" fw={600}>
          All agents
        </TextLink>
      </Group>
      {query.isPending && <LoadingState shape="cards" label="Loading the catalogue" />}
      {query.isError && <ErrorState error={query.error} onRetry={() => query.refetch()} />}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="lg">
        {agents.map((agent) => (
          <AgentCard key={agent.id} agent={agent} order={3} />
        ))}
      </SimpleGrid>
    </section>
  )
}

/** Nothing where nothing is sold, nor when the prices cannot be had just now: the rest of the page stands without them. */
function Prices() {
  const { data: plans = [] } = useQuery(plansQuery)
  const [interval, setInterval] = useState<BillingInterval>('month')
  if (plans.length === 0) return null
  return (
    <section aria-labelledby="prices">
      <Group justify="space-between" mb="lg" align="flex-end">
        <Title order={2} id="prices">
          What it costs
        </Title>
        <TextLink to="/plans" fw={600}>
          Compare the plans
        </TextLink>
      </Group>
      <Stack gap="lg">
        <Center>
          <BillingSwitch plans={plans} value={interval} onChange={setInterval} />
        </Center>
        <PlanCards plans={plans} interval={interval} subscribed={null} order={3} />
      </Stack>
    </section>
  )
}

function Footer() {
  return (
    <Group component="footer" justify="space-between" pt="lg" style={{ borderTop: '1px solid var(--ax-line)' }}>
      <Text size="sm" c="dimmed">
        AgentExpress is open source under the MIT licence.
      </Text>
      <Text size="sm" component="a" href="/docs" c="var(--mantine-color-anchor)">
        API reference
      </Text>
    </Group>
  )
}
