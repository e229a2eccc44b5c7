import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Posts invoices from several threads with the client of the JDK, which offers HTTP/2. */
public class ManyPosts {
    private static final int THREADS = 8;
    private static final int POSTS = 100;

    public static void main(String[] arguments) throws Exception {
        URI payments = URI.create(arguments[0] + "/api/v1/payments");
        HttpRequest order = HttpRequest.newBuilder(payments)
            .header("X-Api-Key", arguments[1])
            .POST(BodyPublishers.ofString("{\"amount\": 7, \"memo\": \"java\"}"))
            .build();
        HttpClient client = HttpClient.newHttpClient();
        Callable<Integer> post = () -> {
            int created = 0;
            for (int i = 0; i < POSTS; i++) {
                created += client.send(order, BodyHandlers.ofString()).statusCode() == 201 ? 1 : 0;
            }
            return created;
        };
        List<Callable<Integer>> work = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            work.add(post);
        }
        var threads = Executors.newFixedThreadPool(THREADS);
        int created = 0;
        for (Future<Integer> done : threads.invokeAll(work)) {
            created += done.get();
        }
        threads.shutdown();
        System.out.println(created + " created");
    }
}
