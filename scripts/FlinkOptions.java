// Lists every option that the classes of a Flink release declare, one a line, in an order that is always the same.
// Knows Flink's classes only: what an option is good for in a job is said in the rules beside the list.
//
// usage: java FlinkOptions.java options JAR...   the options, as tab separated values
//        java FlinkOptions.java values JAR...    whether Flink can read the values on standard input: TYPE<tab>VALUE a line

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

public final class FlinkOptions {
    static final String OPTION = "org.apache.flink.configuration.ConfigOption";

    // Options of tables, formats and catalogs stand in `WITH (...)`, those of hints in a query, never in a configuration.
    static final List<String> NOT_CONFIGURATION =
            List.of(
                    "org.apache.flink.formats.",
                    "org.apache.flink.connector.",
                    "org.apache.flink.streaming.connectors.",
                    "org.apache.flink.table.catalog.",
                    "org.apache.flink.table.connector.",
                    "org.apache.flink.table.factories.",
                    "org.apache.flink.table.module.",
                    "org.apache.flink.table.utils.python.",
                    "org.apache.flink.table.api.config.LookupJoinHintOptions",
                    "org.apache.flink.table.planner.hint.",
                    "org.apache.flink.table.gateway.rest.",
                    "org.apache.flink.table.planner.factories.");

    // What Flink's parts tell one another, and what stands in no configuration although it is declared like that.
    static final List<String> NOT_OPTIONS =
            List.of("$internal.", "__", "internal.", "hidden.", "statebackend.", "partition.fields.#", "class\t");

    static final int LONGEST_DESCRIPTION = 140;

    public static void main(String[] args) throws Exception {
        List<Path> jars = new ArrayList<>();
        for (String jar : Arrays.asList(args).subList(1, args.length)) {
            jars.add(Path.of(jar));
            jars.addAll(nested(Path.of(jar)));
        }
        List<URL> urls = new ArrayList<>();
        for (Path jar : jars) {
            urls.add(jar.toUri().toURL());
        }
        // Not the parent of this program: what is listed comes from the release alone.
        try (URLClassLoader loader =
                new URLClassLoader(urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
            Thread.currentThread().setContextClassLoader(loader);
            PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
            switch (args[0]) {
                case "options" -> options(jars, loader).values().forEach(out::println);
                case "values" -> values(loader, out);
                default -> throw new IllegalArgumentException(args[0]);
            }
        }
    }

    // The planner comes as a jar within a jar.
    static List<Path> nested(Path jar) throws IOException {
        List<Path> found = new ArrayList<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            for (JarEntry entry : file.stream().filter(e -> e.getName().matches("flink-.*\\.jar")).toList()) {
                Path copy = Files.createTempFile("flink-options", ".jar");
                copy.toFile().deleteOnExit();
                Files.copy(file.getInputStream(entry), copy, StandardCopyOption.REPLACE_EXISTING);
                found.add(copy);
            }
        }
        return found;
    }

    static TreeMap<String, String> options(List<Path> jars, ClassLoader loader) throws Exception {
        TreeSet<String> classes = new TreeSet<>();
        for (Path jar : jars) {
            classes.addAll(candidates(jar));
        }
        TreeMap<String, String> lines = new TreeMap<>();
        for (String name : classes) {
            for (Field field : fields(name, loader)) {
                if (!Modifier.isStatic(field.getModifiers()) || !field.getType().getName().equals(OPTION)) {
                    continue;
                }
                field.setAccessible(true);
                Object option = field.get(null);
                if (option == null) {
                    continue;
                }
                String key = prefix(field) + call(option, "key");
                String line = line(key, option);
                if (NOT_OPTIONS.stream().anyMatch(line::startsWith)) {
                    continue;
                }
                // One option is declared in several places now and then; the one that says more is taken.
                lines.merge(key, line, (one, other) -> better(one, other));
            }
        }
        return lines;
    }

    static String better(String one, String other) {
        int longer = Integer.compare(one.length(), other.length());
        return longer > 0 || (longer == 0 && one.compareTo(other) > 0) ? one : other;
    }

    // Classes that name the type: loading every class of the release would take a minute.
    static List<String> candidates(Path jar) throws IOException {
        List<String> found = new ArrayList<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            for (JarEntry entry : file.stream().toList()) {
                String path = entry.getName();
                if (!path.startsWith("org/apache/flink/") || !path.endsWith(".class") || path.contains("/shaded/")) {
                    continue;
                }
                String name = path.substring(0, path.length() - ".class".length()).replace('/', '.');
                if (NOT_CONFIGURATION.stream().anyMatch(name::startsWith)) {
                    continue;
                }
                byte[] bytes = file.getInputStream(entry).readAllBytes();
                if (new String(bytes, StandardCharsets.ISO_8859_1).contains("L" + OPTION.replace('.', '/') + ";")) {
                    found.add(name);
                }
            }
        }
        return found;
    }

    // A class that needs what is not installed (a Hadoop, a Hive) declares no options of its own worth that.
    static Field[] fields(String name, ClassLoader loader) {
        try {
            return Class.forName(name, true, loader).getDeclaredFields();
        } catch (ClassNotFoundException | LinkageError missing) {
            System.err.println("not read: " + name + " (" + missing + ")");
            return new Field[0];
        }
    }

    static String prefix(Field field) throws ReflectiveOperationException {
        for (Annotation annotation : field.getDeclaringClass().getAnnotations()) {
            if (annotation.annotationType().getSimpleName().equals("SuffixOption")) {
                return call(annotation, "value") + ".";
            }
        }
        for (Annotation annotation : field.getAnnotations()) {
            if (annotation.annotationType().getSimpleName().equals("SuffixOption")) {
                return call(annotation, "value") + ".";
            }
        }
        return "";
    }

    static String line(String key, Object option) throws ReflectiveOperationException {
        TreeSet<String> deprecated = new TreeSet<>();
        TreeSet<String> fallback = new TreeSet<>();
        for (Object other : (Iterable<?>) call(option, "fallbackKeys")) {
            String name = (String) call(other, "getKey");
            if (!name.equals(key)) {
                ((boolean) call(other, "isDeprecated") ? deprecated : fallback).add(name);
            }
        }
        boolean given = (boolean) call(option, "hasDefaultValue");
        String value = given ? text(call(option, "defaultValue")) : "";
        return String.join(
                "\t",
                key,
                type(option),
                clean(value),
                String.join(" ", deprecated),
                String.join(" ", fallback),
                description(option));
    }

    static String type(Object option) throws ReflectiveOperationException {
        String type = simple((Class<?>) call(option, "getClazz"));
        return (boolean) call(option, "isList") ? "list " + type : type;
    }

    static String simple(Class<?> type) {
        if (type.isEnum()) {
            // Flink compares with what a constant calls itself, which is not always its name.
            return "enum " + String.join("|", Arrays.stream(type.getEnumConstants()).map(Object::toString).toList());
        }
        return switch (type.getSimpleName()) {
            case "Boolean" -> "bool";
            case "Integer" -> "int";
            case "Map" -> "map";
            case "MemorySize" -> "memory";
            case "Long", "Float", "Double", "String", "Duration" -> type.getSimpleName().toLowerCase(Locale.ROOT);
            default -> throw new IllegalArgumentException("a type that is not known: " + type);
        };
    }

    // A default as one would write it.
    static String text(Object value) throws ReflectiveOperationException {
        if (value instanceof Duration duration) {
            Class<?> utils = Class.forName("org.apache.flink.util.TimeUtils", true, loader());
            return (String) utils.getMethod("formatWithHighestUnit", Duration.class).invoke(null, duration);
        }
        if (value instanceof Map<?, ?> map) {
            List<String> entries = new ArrayList<>();
            for (Map.Entry<?, ?> entry : new TreeMap<>(map).entrySet()) {
                entries.add(text(entry.getKey()) + ":" + text(entry.getValue()));
            }
            return String.join(",", entries);
        }
        if (value instanceof Collection<?> values) {
            List<String> texts = new ArrayList<>();
            for (Object one : values) {
                texts.add(text(one));
            }
            return String.join(";", texts);
        }
        return String.valueOf(value);
    }

    // The first sentence, without marks.
    static String description(Object option) throws ReflectiveOperationException {
        Class<?> formatter = Class.forName("org.apache.flink.configuration.description.HtmlFormatter", true, loader());
        Object description = call(option, "description");
        Object html = formatter
                .getMethod("format", description.getClass())
                .invoke(formatter.getConstructor().newInstance(), description);
        String text = clean(String.valueOf(html)
                .replaceAll("<(br ?/?|p|ul|li|/p|/li)>", " ")
                .replaceAll("<[^>]*>", "")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&"));
        String first = text.replaceFirst("(?<!e\\.g|i\\.e|etc|vs)\\. .*$", ".");
        if (first.length() <= LONGEST_DESCRIPTION) {
            return first;
        }
        int end = first.lastIndexOf(' ', LONGEST_DESCRIPTION - 1);
        return first.substring(0, end > 0 ? end : LONGEST_DESCRIPTION - 1) + "…";
    }

    // Folders of this machine are no defaults.
    static String clean(String text) {
        String machine = System.getProperty("java.io.tmpdir");
        return text.equals(machine) ? "" : text.replaceAll("\\s+", " ").strip();
    }

    static ClassLoader loader() {
        return Thread.currentThread().getContextClassLoader();
    }

    static Object call(Object target, String name) throws ReflectiveOperationException {
        Class<?> type = target instanceof Annotation annotation ? annotation.annotationType() : target.getClass();
        Method method = type.getDeclaredMethod(name);
        method.setAccessible(true);
        return method.invoke(target);
    }

    // Asks Flink itself, so that our reading of values can be compared with it.
    static void values(ClassLoader loader, PrintStream out) throws Exception {
        Class<?> utils = Class.forName("org.apache.flink.configuration.ConfigurationUtils", true, loader);
        Method convert = utils.getDeclaredMethod("convertValue", Object.class, Class.class, boolean.class);
        Method list = utils.getDeclaredMethod("convertToList", Object.class, Class.class, boolean.class);
        list.setAccessible(true);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split("\t", -1);
            boolean many = parts[0].startsWith("list ");
            Class<?> type = classOf(many ? parts[0].substring("list ".length()) : parts[0], loader);
            String verdict;
            try {
                (many ? list : convert).invoke(null, parts[1], type, true);
                verdict = "taken";
            } catch (InvocationTargetException refused) {
                verdict = "refused";
            }
            out.println(parts[0] + "\t" + parts[1] + "\t" + verdict);
        }
    }

    static Class<?> classOf(String type, ClassLoader loader) throws ClassNotFoundException {
        return switch (type) {
            case "bool" -> Boolean.class;
            case "int" -> Integer.class;
            case "long" -> Long.class;
            case "float" -> Float.class;
            case "double" -> Double.class;
            case "string" -> String.class;
            case "map" -> Map.class;
            case "duration" -> Duration.class;
            case "memory" -> Class.forName("org.apache.flink.configuration.MemorySize", true, loader);
            case "enum" -> Class.forName("org.apache.flink.streaming.api.CheckpointingMode", true, loader);
            default -> throw new IllegalArgumentException(type);
        };
    }
}
