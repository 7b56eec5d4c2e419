import com.lmax.disruptor.BusySpinWaitStrategy;
import com.lmax.disruptor.EventHandler;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.WaitStrategy;
import com.lmax.disruptor.YieldingWaitStrategy;
import com.lmax.disruptor.dsl.Disruptor;
import com.lmax.disruptor.dsl.ProducerType;
import com.lmax.disruptor.util.DaemonThreadFactory;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;

/**
 * LMAX Disruptor, one producer and 1, 2, 3 consumers between threads of one process: the peer of benchmarks/ring.py, with its rules.
 * An event has four words that follow from one another, each consumer checks each; a paced event carries the instant at which it was due.
 *
 * arguments: capacity events runs paced gapNs; the last line is one JSON object.
 */
public class Disruptor1P {
    static final class Event {
        long number, due, px, check;
    }

    static final class Check implements EventHandler<Event> {
        final long events;
        final long[] ages; // null: throughput
        final CountDownLatch done = new CountDownLatch(1);
        long next, wrong;
        volatile long endNs;

        Check(long events, long[] ages) {
            this.events = events;
            this.ages = ages;
        }

        @Override
        public void onEvent(Event e, long sequence, boolean last) {
            if (ages != null) ages[(int) next] = System.nanoTime() - e.due;
            if (e.number != next || e.px != 3 * next || e.check != (e.number ^ e.due ^ e.px)) wrong++;
            if (++next == events) {
                endNs = System.nanoTime();
                done.countDown();
            }
        }
    }

    static void fill(Event e, long number, long due) {
        e.number = number;
        e.due = due;
        e.px = 3 * number;
        e.check = number ^ due ^ e.px;
    }

    /** Publish one at a time, or `batch` a publish; events a second. */
    static double throughput(int capacity, int readers, int batch, long events) throws Exception {
        Check[] checks = new Check[readers];
        Disruptor<Event> disruptor = start(capacity, readers, events, checks, null);
        RingBuffer<Event> ring = disruptor.getRingBuffer();
        long began = System.nanoTime();
        for (long i = 0; i < events; i += batch) {
            int n = (int) Math.min(batch, events - i);
            long high = n == 1 ? ring.next() : ring.next(n), low = high - n + 1;
            for (int j = 0; j < n; j++) fill(ring.get(low + j), i + j, i);
            if (n == 1) ring.publish(high);
            else ring.publish(low, high);
        }
        long end = finish(disruptor, checks);
        return events / ((end - began) / 1e9);
    }

    /** One event each gap, on a schedule; the ages of all but the first tenth. */
    static long[] latency(int capacity, int readers, int paced, long gapNs) throws Exception {
        Check[] checks = new Check[readers];
        long[][] ages = new long[readers][paced];
        Disruptor<Event> disruptor = start(capacity, readers, paced, checks, ages);
        RingBuffer<Event> ring = disruptor.getRingBuffer();
        boolean yields = !spins(readers);
        long due = System.nanoTime() + 1_000_000;
        for (int i = 0; i < paced; i++, due += gapNs) {
            while (System.nanoTime() < due) {
                if (yields) Thread.yield();
                else Thread.onSpinWait();
            }
            long at = ring.next();
            fill(ring.get(at), i, due);
            ring.publish(at);
        }
        finish(disruptor, checks);
        int skipped = paced / 10, kept = paced - skipped;
        long[] all = new long[readers * kept];
        for (int r = 0; r < readers; r++) System.arraycopy(ages[r], skipped, all, r * kept, kept);
        Arrays.sort(all);
        return all;
    }

    static boolean spins(int readers) {
        return readers < Runtime.getRuntime().availableProcessors();
    }

    static Disruptor<Event> start(int capacity, int readers, long events, Check[] checks, long[][] ages) {
        WaitStrategy wait = spins(readers) ? new BusySpinWaitStrategy() : new YieldingWaitStrategy();
        Disruptor<Event> made = new Disruptor<>(Event::new, capacity, DaemonThreadFactory.INSTANCE, ProducerType.SINGLE, wait);
        for (int r = 0; r < readers; r++) checks[r] = new Check(events, ages == null ? null : ages[r]);
        made.handleEventsWith(checks);
        made.start();
        return made;
    }

    static long finish(Disruptor<Event> disruptor, Check[] checks) throws Exception {
        long end = 0;
        for (Check check : checks) {
            check.done.await();
            if (check.wrong != 0) throw new IllegalStateException(check.wrong + " events were wrong");
            end = Math.max(end, check.endNs);
        }
        disruptor.halt();
        return end;
    }

    static double median(double[] found) {
        Arrays.sort(found);
        return found[found.length / 2];
    }

    public static void main(String[] args) throws Exception {
        int capacity = Integer.parseInt(args[0]), runs = Integer.parseInt(args[2]), paced = Integer.parseInt(args[3]);
        long events = Long.parseLong(args[1]), gapNs = Long.parseLong(args[4]);
        StringBuilder out = new StringBuilder("{\"java\":\"" + Runtime.version().feature() + "\",\"rates\":{");
        for (int readers = 1; readers <= 3; readers++) {
            for (int batch : new int[] {1, 64}) {
                throughput(capacity, readers, batch, events / 4); // compiled now
                double[] rates = new double[runs];
                for (int i = 0; i < runs; i++) rates[i] = throughput(capacity, readers, batch, events);
                out.append(String.format("%s\"%d/%d\":%.0f", readers + batch == 2 ? "" : ",", readers, batch, median(rates)));
            }
        }
        out.append("},\"ages\":{");
        latency(capacity, 1, paced, gapNs);
        for (int readers = 1; readers <= 3; readers++) {
            long[] ages = latency(capacity, readers, paced, gapNs);
            double mean = Arrays.stream(ages).average().orElse(0);
            int n = ages.length;
            out.append(String.format("%s\"%d\":[%.1f,%d,%d,%d,%d]", readers == 1 ? "" : ",", readers, mean,
                ages[n / 2], ages[(int) (n * 0.99)], ages[(int) (n * 0.999)], ages[n - 1]));
        }
        System.out.println(out.append("}}"));
    }
}
